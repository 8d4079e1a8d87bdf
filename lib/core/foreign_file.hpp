// SPDX-License-Identifier: BSD-3-Clause
// Files of data sets as they are downloaded.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace cortune {

// Throws BadInput where there is no such file, and for the pointer that git-annex or Git LFS
// leaves in place of a file whose content was not fetched, naming the command that fetches it.
void require_file(const std::filesystem::path& path);

// The same for the first bytes of a file, or of an entry of an archive, that is known by `name`.
void refuse_pointer(std::string_view head, const std::string& name);

}  // namespace cortune
