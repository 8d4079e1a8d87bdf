// SPDX-License-Identifier: BSD-3-Clause
// Lists of names: a text file with one name a line.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cortune::datasets {

struct ListLine {
    std::string text;    // without blanks at its ends
    std::size_t number;  // in the file, from 1
};

// Empty lines and those that begin with # are passed over. Throws BadInput where the file
// cannot be read or holds no name.
std::vector<ListLine> read_list(const std::filesystem::path& path);

}  // namespace cortune::datasets
