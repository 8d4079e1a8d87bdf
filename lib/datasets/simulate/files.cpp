// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
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

StagedFolder::StagedFolder(const fs::path& target, bool overwrite)
    : target_(fs::absolute(target).lexically_normal()), overwrite_(overwrite) {
    if (!target_.has_filename()) target_ = target_.parent_path();
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(target_))) {
        if (!overwrite)
            throw OutputError(target.string() + ": exists already", "--overwrite replaces it");
        if (!fs::is_directory(target_) ||
            !(fs::is_empty(target_, ignored) || fs::exists(target_ / marker_file)))
            throw OutputError(
                fmt::format(
                    "{}: is not a folder that a simulation wrote (it has no {}), so it is not replaced",
                    target.string(), marker_file),
                "choose another output");
    }
    if (!fs::is_directory(target_.parent_path(), ignored))
        throw OutputError(fmt::format("{}: the folder {} does not exist", target.string(),
                                      target_.parent_path().string()));
    part_ = part_path(target_);
    fs::remove_all(part_, ignored);
    make_folder(part_);
}

StagedFolder::~StagedFolder() {
    std::error_code ignored;
    if (!committed_) fs::remove_all(part_, ignored);
}

void StagedFolder::commit() {
    // Everything reaches the disk before the name appears.
    const int folder = ::open(part_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) throw cannot_write(target_, errno);
    const int unsynced = ::syncfs(folder) == 0 ? 0 : errno;
    ::close(folder);
    if (unsynced != 0) throw cannot_write(target_, unsynced);
    const fs::path old =
        part_.parent_path() / fmt::format(".{}.{}.old", target_.filename().string(), ::getpid());
    // Without leave to replace, what has appeared meanwhile makes the renaming fail.
    const bool replaces = overwrite_ && fs::exists(target_);
    if (replaces && std::rename(target_.c_str(), old.c_str()) != 0) throw cannot_write(target_, errno);
    if (std::rename(part_.c_str(), target_.c_str()) != 0) {
        const int error = errno;
        if (replaces) std::rename(old.c_str(), target_.c_str());
        throw cannot_write(target_, error);
    }
    committed_ = true;
    sync_folder(target_.parent_path());
    std::error_code ignored;
    if (replaces) fs::remove_all(old, ignored);
}

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
