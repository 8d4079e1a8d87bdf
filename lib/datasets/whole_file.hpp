// SPDX-License-Identifier: BSD-3-Clause
// Small foreign files (.npy), whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/output_file.hpp"

namespace cortune::datasets {

// write_bytes (core/output_file.hpp) over what is there.
inline void write_whole_file(const std::filesystem::path& path, std::initializer_list<std::string_view> pieces) {
    write_bytes(path, pieces, {.overwrite = true});
}

// All bytes of a file of at most `most` bytes. Throws BadInput.
std::vector<std::uint8_t> read_whole_file(const std::filesystem::path& path, std::uint64_t most);

// The start of an .npy file of version 1.0 and C order.
std::string npy_header_bytes(const std::string& type, const std::vector<std::uint64_t>& shape);

// write_npy (datasets/npy.hpp) with a choice of how the file is written.
template <class T>
void write_npy(const std::filesystem::path& path, const std::vector<std::uint64_t>& shape,
               std::span<const T> values, const WriteOptions& options);

}  // namespace cortune::datasets
