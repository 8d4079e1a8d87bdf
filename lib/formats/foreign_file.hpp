// SPDX-License-Identifier: BSD-3-Clause
// Files of data sets as they are downloaded.
#pragma once

#include <filesystem>

namespace cortune::formats {

// Throws BadInput where there is no such file, and for the pointer that git-annex or Git LFS
// leaves in place of a file whose content was not fetched, naming the command that fetches it.
void require_file(const std::filesystem::path& path);

}  // namespace cortune::formats
