// SPDX-License-Identifier: BSD-3-Clause
#include "core/scratch_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/error.hpp"
#include "core/output_file.hpp"
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
    if (file_ < 0) throw OutputError(fmt::format("scratch file in {}: cannot be made ({})", folder.string(), std::strerror(errno)), "--scratch names a folder that exists and can be written");
    if (bytes == 0) return;
    if (const int error = ::posix_fallocate(file_, 0, static_cast<off_t>(bytes)); error != 0) {
        ::close(file_);
        fail(fmt::format("cannot hold {} ({})", format_bytes(static_cast<double>(bytes)), std::strerror(error)));
    }
}

ScratchFile::~ScratchFile() { ::close(file_); }

void ScratchFile::fail(const std::string& what) const {
    throw OutputError(fmt::format("scratch file in {}: {}", folder_.string(), what), mend_);
}

void ScratchFile::write(std::uint64_t at, const void* from, std::uint64_t bytes) {
    if (const int error = try_write_at(file_, from, bytes, static_cast<std::int64_t>(at)); error != 0) fail(fmt::format("cannot be written ({})", std::strerror(error)));
}

void ScratchFile::read(std::uint64_t at, void* to, std::uint64_t bytes) const {
    if (const int error = try_read_at(file_, to, bytes, static_cast<std::int64_t>(at)); error != 0) fail(fmt::format("cannot be read ({})", read_failure(error)));
}

}  // namespace cortune
