// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/folder.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets {

fs::path folder_or_nothing(const fs::path& path) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (status.type() == fs::file_type::not_found) return {};
    if (!fs::status_known(status)) throw BadInput(fmt::format("{}: cannot be read ({})", path.string(), error.message()));
    if (!fs::is_directory(status)) throw BadInput(path.string() + ": expected a folder, found a file");
    return path;
}

std::vector<fs::path> entries_of(const fs::path& folder) {
    std::vector<fs::path> out;
    if (folder_or_nothing(folder).empty()) return out;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
        out.push_back(at->path());
    if (error) throw BadInput(fmt::format("{}: cannot be read ({})", folder.string(), error.message()));
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace cortune::datasets
