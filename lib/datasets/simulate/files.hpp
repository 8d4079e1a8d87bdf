// SPDX-License-Identifier: BSD-3-Clause
// Files of a simulated study: a folder that appears whole or not at all, and npy
// matrices written in blocks of rows or columns.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "core/output_file.hpp"

namespace cortune::datasets::simulate {

// Built as the hidden sibling ".<name>.<pid>.part", renamed by commit(), removed by
// the destructor. An existing target is refused (OutputError) unless `overwrite`,
// and then only replaced if it is empty or holds a simulation (its simulation.json); one
// that appears before commit() is never replaced without `overwrite`.
class StagedFolder {
  public:
    StagedFolder(const std::filesystem::path& target, bool overwrite);
    ~StagedFolder();
    StagedFolder(const StagedFolder&) = delete;
    StagedFolder& operator=(const StagedFolder&) = delete;
    const std::filesystem::path& path() const { return part_; }
    void commit();

  private:
    std::filesystem::path target_, part_;
    bool overwrite_ = false, committed_ = false;
};

inline constexpr std::string_view marker_file = "simulation.json";

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
