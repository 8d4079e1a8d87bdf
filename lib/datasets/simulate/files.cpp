// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets::simulate {
namespace {

static_assert(std::endian::native == std::endian::little, "npy blocks are written as they lie in memory");

[[noreturn]] void fail(const fs::path& path, const char* what) {
    throw OutputError(fmt::format("{}: {}: {}", path.string(), what, std::strerror(errno)),
                      errno == ENOSPC ? "free some space, or choose a smaller preset" : "");
}

std::string npy_header(std::int64_t rows, std::int64_t columns) {
    std::string text =
        fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
    text.append(63 - (10 + text.size()) % 64, ' ');
    text += '\n';
    std::string out("\x93NUMPY\x01\x00", 8);
    out += static_cast<char>(text.size() & 0xff);
    out += static_cast<char>(text.size() >> 8);
    return out + text;
}

void write_all(int file, const fs::path& path, const void* data, std::size_t bytes, std::int64_t at) {
    const char* p = static_cast<const char*>(data);
    while (bytes > 0) {
        const ssize_t n = ::pwrite(file, p, bytes, at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) fail(path, "cannot be written");
        p += n, at += n, bytes -= static_cast<std::size_t>(n);
    }
}

int open_new(const fs::path& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) fail(path, "cannot be created");
    return file;
}

}  // namespace

StagedFolder::StagedFolder(const fs::path& target, bool overwrite)
    : target_(fs::absolute(target).lexically_normal()) {
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
    part_ = target_.parent_path() / fmt::format(".{}.{}.part", target_.filename().string(), ::getpid());
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
    if (folder < 0) fail(part_, "cannot be opened");
    const bool synced = ::syncfs(folder) == 0;
    ::close(folder);
    if (!synced) fail(part_, "cannot be written");
    const fs::path old =
        part_.parent_path() / fmt::format(".{}.{}.old", target_.filename().string(), ::getpid());
    const bool replaces = fs::exists(target_);
    if (replaces && std::rename(target_.c_str(), old.c_str()) != 0) fail(target_, "cannot be replaced");
    if (std::rename(part_.c_str(), target_.c_str()) != 0) {
        if (replaces) std::rename(old.c_str(), target_.c_str());
        fail(target_, "cannot be put in place");
    }
    committed_ = true;
    std::error_code ignored;
    if (replaces) fs::remove_all(old, ignored);
}

void make_folder(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error)
        throw OutputError(fmt::format("{}: cannot be created: {}", path.string(), error.message()));
}

void write_file(const fs::path& path, const void* data, std::size_t bytes) {
    const int file = open_new(path);
    try {
        write_all(file, path, data, bytes, 0);
    } catch (...) {
        ::close(file);
        throw;
    }
    if (::close(file) != 0) fail(path, "cannot be written");
}

NpyMatrix::NpyMatrix(const fs::path& path, std::int64_t rows, std::int64_t columns)
    : path_(path), rows_(rows), columns_(columns), file_(open_new(path)) {
    const std::string header = npy_header(rows, columns);
    header_ = static_cast<std::int64_t>(header.size());
    try {
        write_all(file_, path_, header.data(), header.size(), 0);
        if (::ftruncate(file_, offset(rows, 0)) != 0) fail(path_, "cannot be written");
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
    write_all(file_, path_, values, 4 * static_cast<std::size_t>(count), offset(row, column));
}

void NpyMatrix::read(std::int64_t row, std::int64_t column, float* values, std::int64_t count) const {
    char* p = reinterpret_cast<char*>(values);
    std::int64_t at = offset(row, column), bytes = 4 * count;
    while (bytes > 0) {
        const ssize_t n = ::pread(file_, p, static_cast<std::size_t>(bytes), at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) fail(path_, "cannot be read back");
        p += n, at += n, bytes -= n;
    }
}

void NpyMatrix::close() {
    const int file = std::exchange(file_, -1);
    if (file >= 0 && ::close(file) != 0) fail(path_, "cannot be written");
}

}  // namespace cortune::datasets::simulate
