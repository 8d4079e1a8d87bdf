// SPDX-License-Identifier: BSD-3-Clause
// Folders of foreign data: what is no folder, or cannot be read, is bad input.
#pragma once

#include <filesystem>
#include <vector>

namespace cortune::datasets {

// `path` where it is a folder, an empty path where there is nothing. Throws BadInput where
// there is something else or the system does not say what.
std::filesystem::path folder_or_nothing(const std::filesystem::path& path);

// What a folder holds, by name; nothing where there is no folder. Throws BadInput as above
// and where it cannot be read.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& folder);

}  // namespace cortune::datasets
