// SPDX-License-Identifier: BSD-3-Clause
// Files of a simulated study: a folder that appears whole or not at all, and npy
// matrices written in blocks of rows or columns.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cortune::datasets::simulate {

// Built as the hidden sibling ".<name>.<pid>.part", renamed by commit(), removed by
// the destructor. An existing target is refused (OutputError) unless `overwrite`,
// and then only replaced if it is empty or holds a simulation (its simulation.json).
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
    bool committed_ = false;
};

inline constexpr std::string_view marker_file = "simulation.json";

void make_folder(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const void* data, std::size_t bytes);
inline void write_file(const std::filesystem::path& path, std::string_view text) {
    write_file(path, text.data(), text.size());
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
