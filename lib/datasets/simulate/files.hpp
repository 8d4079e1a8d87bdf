// SPDX-License-Identifier: BSD-3-Clause
// Files of a simulated study: how they are written, and npy matrices written in blocks of rows or columns.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "core/output_file.hpp"

namespace cortune::datasets::simulate {

inline constexpr std::string_view marker_file = "simulation.json";  // says that a folder may be replaced (core/staged_folder.hpp)

// Both are one folder, or one lies in the other.
bool overlap(const std::filesystem::path& one, const std::filesystem::path& other);

// How files inside a staged folder are written: commit() syncs them all at once.
inline constexpr WriteOptions staged{.overwrite = false, .durable = false};

void make_folder(const std::filesystem::path& path);
inline void write_file(const std::filesystem::path& path, std::string_view text) {
    write_bytes(path, {text}, staged);
}
inline void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
    write_file(path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

// A little-endian float32 matrix in an npy file (C order). Distinct blocks may be
// written from different threads. Throws OutputError naming the file.
class NpyMatrix {
  public:
    NpyMatrix(const std::filesystem::path& path, std::int64_t rows, std::int64_t columns);
    ~NpyMatrix();
    NpyMatrix(const NpyMatrix&) = delete;
    NpyMatrix& operator=(const NpyMatrix&) = delete;
    std::int64_t rows() const { return rows_; }
    std::int64_t columns() const { return columns_; }
    // `count` values from (row, column) on, within the row.
    void write(std::int64_t row, std::int64_t column, const float* values, std::int64_t count);
    void read(std::int64_t row, std::int64_t column, float* values, std::int64_t count) const;
    void close();

  private:
    std::int64_t offset(std::int64_t row, std::int64_t column) const;
    std::filesystem::path path_;
    std::int64_t rows_, columns_, header_ = 0;
    int file_ = -1;
};

}  // namespace cortune::datasets::simulate
