// SPDX-License-Identifier: BSD-3-Clause
// What a tool says of itself. --help, the manual page and the completions are all
// made from this and from the options that the tool declares.
#pragma once

#include <string>
#include <vector>

namespace cortune::cli {

struct Example {
    std::string comment;
    std::string command;
};

struct Doc {
    std::string name;                      // "ridge-encode"
    std::string summary;                   // one line, lower case, no full stop
    std::vector<std::string> description;  // paragraphs
    std::vector<Example> examples;
    std::vector<std::string> reads, writes;  // file kinds and formats, one line each
    std::vector<std::string> see_also;       // "encode-eval(1)"
    std::vector<std::string> references = {};
};

// Which of the options that mean the same everywhere a tool has.
struct Common {
    bool output = false;         // -o/--output FILE, --overwrite
    bool output_optional = false;
    bool seed = false;
    bool threads = true;
    bool device = false;
    bool json = false;
};

}  // namespace cortune::cli
