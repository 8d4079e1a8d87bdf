// SPDX-License-Identifier: BSD-3-Clause
#include "core/scratch_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/error.hpp"
#include "core/text.hpp"

namespace cortune {
namespace {

int open_nameless(const std::filesystem::path& folder) {
    int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0 && errno != EACCES && errno != ENOENT && errno != ENOTDIR) {
        // Network file systems know no nameless files: take the name away by hand.
        std::string name = (folder / ".cortune-scratch-XXXXXX").string();
        file = ::mkostemp(name.data(), O_CLOEXEC);
        if (file >= 0) ::unlink(name.c_str());
    }
    return file;
}

}  // namespace

ScratchFile::ScratchFile(const std::filesystem::path& folder, std::uint64_t bytes, const char* mend)
    : folder_(folder), mend_(mend), file_(open_nameless(folder)) {
    if (file_ < 0) fail("cannot be made");
    if (bytes == 0) return;
    if (const int error = ::posix_fallocate(file_, 0, static_cast<off_t>(bytes)); error != 0) {
        ::close(file_);
        errno = error;
        fail(fmt::format("cannot hold {}", format_bytes(static_cast<double>(bytes))).c_str());
    }
}

ScratchFile::~ScratchFile() { ::close(file_); }

void ScratchFile::fail(const char* what) const {
    throw OutputError(fmt::format("scratch file in {}: {} ({})", folder_.string(), what, std::strerror(errno)), mend_);
}

void ScratchFile::write(std::uint64_t at, const void* from, std::uint64_t bytes) {
    const char* p = static_cast<const char*>(from);
    while (bytes > 0) {
        const ssize_t done = ::pwrite(file_, p, bytes, static_cast<off_t>(at));
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) fail("cannot be written");
        p += done, at += static_cast<std::uint64_t>(done), bytes -= static_cast<std::uint64_t>(done);
    }
}

void ScratchFile::read(std::uint64_t at, void* to, std::uint64_t bytes) const {
    char* p = static_cast<char*>(to);
    while (bytes > 0) {
        const ssize_t done = ::pread(file_, p, bytes, static_cast<off_t>(at));
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) fail("cannot be read");
        p += done, at += static_cast<std::uint64_t>(done), bytes -= static_cast<std::uint64_t>(done);
    }
}

}  // namespace cortune
