// SPDX-License-Identifier: BSD-3-Clause
// Small foreign files (.npy), whole or not at all.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <cstdint>

namespace cortune::datasets {

// Writes the pieces one after the other to ".<name>.<pid>.part" and renames it over
// `path`. Throws OutputError; nothing is left behind then.
void write_whole_file(const std::filesystem::path& path, std::initializer_list<std::string_view> pieces);

// All bytes of a file of at most `most` bytes. Throws BadInput.
std::vector<std::uint8_t> read_whole_file(const std::filesystem::path& path, std::uint64_t most);

// The start of an .npy file of version 1.0 and C order.
std::string npy_header_bytes(const std::string& type, const std::vector<std::uint64_t>& shape);

}  // namespace cortune::datasets
