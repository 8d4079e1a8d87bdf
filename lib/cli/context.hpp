// SPDX-License-Identifier: BSD-3-Clause
// What a running tool has from the command line beside its own options, and the only
// way in which it speaks: results on stdout, everything else on stderr.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/reporter.hpp"
#include "h5/provenance.hpp"

namespace cortune::cli {

class Context : public Reporter {
  public:
    std::filesystem::path output;
    bool overwrite = false;
    std::int64_t seed = 0;
    int threads = 1;
    std::string device = "cpu";
    bool json = false;
    bool quiet = false;
    bool verbose = false;
    std::string progress_mode = "auto";

    std::string tool;
    std::vector<std::string> argv;
    nlohmann::json effective_options;
    bool draws = false;  // the tool has --seed

    // A fresh record of this command, to be given its inputs and handed to h5::Output.
    h5::Record record() const;

    // Result text, whole lines. Throws OutputError when stdout does not take it.
    void result(const std::string& text);
    void flush_results();

    void info(const std::string& text) override;
    void detail(const std::string& text) override;
    void warn(const std::string& text) override;
    void progress(const std::string& label, std::int64_t done, std::int64_t total) override;
    void error(const std::string& text, const std::string& hint);
    // The last line: wall time, CPU time, peak memory.
    void summary();

  private:
    void line(const std::string& text);
    using Clock = std::chrono::steady_clock;
    Clock::time_point start_ = Clock::now(), last_progress_{};
    std::int64_t last_tenth_ = -1;
    bool bar_open_ = false;
};

}  // namespace cortune::cli
