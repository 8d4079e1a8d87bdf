// SPDX-License-Identifier: BSD-3-Clause
// Lists of names: a text file with one name a line.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cortune::datasets {

// Lines without blanks at their ends; empty ones and those that begin with # are passed
// over. Throws BadInput where the file cannot be read or holds no name.
std::vector<std::string> read_list(const std::filesystem::path& path);

}  // namespace cortune::datasets
