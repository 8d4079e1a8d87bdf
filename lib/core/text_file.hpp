// SPDX-License-Identifier: BSD-3-Clause
// Small text outputs (TSV, JSON), whole or not at all.
#pragma once

#include <filesystem>
#include <string>

#include "core/output_file.hpp"

namespace cortune {

// Throws OutputError where the file exists (without overwrite) or cannot be written.
inline void write_text_file(const std::filesystem::path& path, const std::string& text, bool overwrite) {
    write_bytes(path, {text}, {.overwrite = overwrite});
}

}  // namespace cortune
