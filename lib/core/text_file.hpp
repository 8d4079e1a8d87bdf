// SPDX-License-Identifier: BSD-3-Clause
// Small text outputs (TSV, JSON), whole or not at all.
#pragma once

#include <filesystem>
#include <string>

namespace cortune {

// Writes beside the target, syncs and renames. Throws OutputError where the file exists
// (without overwrite) or cannot be written.
void write_text_file(const std::filesystem::path& path, const std::string& text, bool overwrite);

}  // namespace cortune
