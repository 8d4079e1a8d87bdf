// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.hpp"
#include "datasets/whole_file.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets::simulate {
namespace {

static_assert(std::endian::native == std::endian::little, "npy blocks are written as they lie in memory");

int open_new(const fs::path& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) throw cannot_write(path, errno);
    return file;
}

// "a/b/" and "a/./b" are one place, and so are a link and what it leads to.
fs::path place(const fs::path& path) {
    std::error_code error;
    fs::path out = fs::weakly_canonical(fs::absolute(path), error);
    if (error) out = fs::absolute(path).lexically_normal();
    return out.has_filename() ? out : out.parent_path();
}

}  // namespace

bool overlap(const fs::path& one, const fs::path& other) {
    const fs::path a = place(one), b = place(other);
    const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    return in_a == a.end() || in_b == b.end();
}

void make_folder(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error)
        throw OutputError(fmt::format("{}: cannot be created: {}", path.string(), error.message()));
}

NpyMatrix::NpyMatrix(const fs::path& path, std::int64_t rows, std::int64_t columns)
    : path_(path), rows_(rows), columns_(columns), file_(open_new(path)) {
    const std::string header =
        npy_header_bytes("<f4", {static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns)});
    header_ = static_cast<std::int64_t>(header.size());
    try {
        write_at(file_, path_, header.data(), header.size(), 0);
        if (::ftruncate(file_, offset(rows, 0)) != 0) throw cannot_write(path_, errno);
    } catch (...) {
        ::close(file_);
        throw;
    }
}

NpyMatrix::~NpyMatrix() {
    if (file_ >= 0) ::close(file_);
}

std::int64_t NpyMatrix::offset(std::int64_t row, std::int64_t column) const {
    return header_ + 4 * (row * columns_ + column);
}

void NpyMatrix::write(std::int64_t row, std::int64_t column, const float* values, std::int64_t count) {
    write_at(file_, path_, values, 4 * static_cast<std::size_t>(count), offset(row, column));
}

void NpyMatrix::read(std::int64_t row, std::int64_t column, float* values, std::int64_t count) const {
    if (const int error = try_read_at(file_, values, 4 * static_cast<std::size_t>(count), offset(row, column)); error != 0)
        throw OutputError(fmt::format("{}: cannot be read back ({})", path_.string(), read_failure(error)));
}

void NpyMatrix::close() {
    const int file = std::exchange(file_, -1);
    if (file >= 0 && ::close(file) != 0) throw cannot_write(path_, errno);
}

}  // namespace cortune::datasets::simulate
