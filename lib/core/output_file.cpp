// SPDX-License-Identifier: BSD-3-Clause
#include "core/output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace fs = std::filesystem;

namespace cortune {
namespace {

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

// Opened for writing; what is not closed by then closes with the scope.
class Writing {
  public:
    Writing(const fs::path& part, const fs::path& target)
        : target_(target), file_(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666)) {
        if (file_ < 0) throw cannot_write(target_, errno);
    }
    ~Writing() {
        if (file_ >= 0) ::close(file_);
    }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;
    void append(std::string_view piece) {
        write_at(file_, target_, piece.data(), piece.size(), at_);
        at_ += static_cast<std::int64_t>(piece.size());
    }
    void sync() {
        if (::fsync(file_) != 0) throw cannot_write(target_, errno);
    }
    // Closing writes, too, on some file systems.
    void close() {
        const int file = file_;
        file_ = -1;
        if (::close(file) != 0) throw cannot_write(target_, errno);
    }

  private:
    const fs::path& target_;
    int file_;
    std::int64_t at_ = 0;
};

}  // namespace

fs::path part_path(const fs::path& path) {
    return path.parent_path() / fmt::format(".{}.{}.part", path.filename().string(), ::getpid());
}

OutputError cannot_write(const fs::path& path, int error) {
    const bool full = error == ENOSPC || error == EDQUOT;
    return OutputError(fmt::format("{}: cannot be written ({})", path.string(), std::strerror(error)),
                       full ? "free some space, or write elsewhere" : "");
}

void check_output(const fs::path& path, bool overwrite) {
    if (!path.has_filename()) throw UsageError(fmt::format("'{}' names no output file", path.string()));
    std::error_code error;
    // A link that leads nowhere is there, too: renaming would replace it.
    if (!fs::exists(fs::symlink_status(path, error))) return;
    if (!fs::is_regular_file(path, error))
        throw OutputError(fmt::format("{}: is not a regular file, so it is not replaced", path.string()),
                          "choose another output");
    if (!overwrite) throw OutputError(path.string() + ": exists already", "--overwrite replaces it");
}

std::string file_sort(const fs::path& path) {
    std::string head(4096, '\0');
    std::ifstream in(path, std::ios::binary);
    in.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(in.gcount()));
    if (head.empty()) return "empty";
    const auto starts = [&](std::string_view with) { return head.starts_with(with); };
    const auto word = [&](std::size_t i) { return i < head.size() ? static_cast<unsigned char>(head[i]) : 0U; };
    if (starts("\x89HDF\r\n\x1a\n")) return "hdf5";
    if (starts("\x1f\x8b")) return "gzip";
    if (head.size() > 8 && head[8] == '{' && word(6) == 0 && word(7) == 0) return "safetensors";
    if (const auto size = word(0) | word(1) << 8; (size == 348 || size == 540) && word(2) == 0 && word(3) == 0) return "nifti";
    if (starts(std::string_view("\0\0\0\1", 4)) && head.size() >= 284) return "mgh";
    const bool text = std::none_of(head.begin(), head.end(), [](unsigned char c) { return (c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 127; });
    return text ? "text" : "other";
}

void check_distinct(const std::vector<std::pair<std::string, std::filesystem::path>>& targets,
                    const std::vector<std::filesystem::path>& inputs) {
    const auto place = [](const std::filesystem::path& path) {
        std::error_code error;
        const auto found = std::filesystem::weakly_canonical(path, error);
        return error ? path.lexically_normal() : found;
    };
    for (std::size_t i = 0; i < targets.size(); ++i) {
        const auto& [option, path] = targets[i];
        if (path.empty()) continue;
        for (const auto& input : inputs)
            if (!input.empty() && place(input) == place(path))
                throw UsageError(fmt::format("{} {} is also an input", option, path.string()), "give it another name");
        for (std::size_t k = 0; k < i; ++k)
            if (!targets[k].second.empty() && place(targets[k].second) == place(path))
                throw UsageError(fmt::format("{} and {} name the same file, {}", targets[k].first, option, path.string()),
                                 "give each a name of its own");
    }
}

int try_write_at(int file, const void* data, std::size_t bytes, std::int64_t offset) {
    const char* p = static_cast<const char*>(data);
    while (bytes > 0) {
        const ssize_t n = ::pwrite(file, p, bytes, offset);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0 ? errno : EIO;
        p += n, offset += n, bytes -= static_cast<std::size_t>(n);
    }
    return 0;
}

int try_read_at(int file, void* data, std::size_t bytes, std::int64_t offset) {
    char* p = static_cast<char*>(data);
    while (bytes > 0) {
        const ssize_t n = ::pread(file, p, bytes, offset);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0 ? errno : end_of_file;
        p += n, offset += n, bytes -= static_cast<std::size_t>(n);
    }
    return 0;
}

std::string read_failure(int error) { return error == end_of_file ? "cut short" : std::strerror(error); }

void write_at(int file, const fs::path& path, const void* data, std::size_t bytes, std::int64_t offset) {
    if (const int error = try_write_at(file, data, bytes, offset); error != 0) throw cannot_write(path, error);
}

int give_name(const fs::path& part, const fs::path& name, bool overwrite) {
    if (!overwrite) {
        if (::renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) == 0) return 0;
        if (errno == EEXIST) return errno;
        // NFS and others cannot do that, but a second name for a file they refuse where it is taken.
        if (::link(part.c_str(), name.c_str()) == 0) {
            ::unlink(part.c_str());
            return 0;
        }
        if (errno == EEXIST) return errno;
    }
    return std::rename(part.c_str(), name.c_str()) == 0 ? 0 : errno;
}

void sync_folder(const fs::path& folder) {
    const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) return;
    const int error = ::fsync(file) == 0 ? 0 : errno;
    ::close(file);
    if (error != 0 && error != EINVAL && error != EROFS && error != ENOTSUP)
        throw OutputError(fmt::format("{}: cannot be synced to disk ({})", folder.string(), std::strerror(error)));
}

StagedFile::StagedFile(fs::path path, std::initializer_list<std::string_view> pieces, const WriteOptions& options)
    : path_(std::move(path)), part_(part_path(path_)), overwrite_(options.overwrite), durable_(options.durable) {
    check_output(path_, options.overwrite);
    try {
        Writing out(part_, path_);
        for (const std::string_view piece : pieces) out.append(piece);
        if (durable_) out.sync();
        out.close();
    } catch (...) {
        std::error_code ignored;
        fs::remove(part_, ignored);
        throw;
    }
}

StagedFile::StagedFile(StagedFile&& other) noexcept : path_(std::move(other.path_)), part_(std::exchange(other.part_, {})), overwrite_(other.overwrite_), durable_(other.durable_) {}

StagedFile::~StagedFile() {
    std::error_code ignored;
    if (!part_.empty()) fs::remove(part_, ignored);
}

void StagedFile::commit() {
    if (const int error = give_name(part_, path_, overwrite_); error != 0) throw cannot_write(path_, error);
    part_.clear();
    if (durable_) sync_folder(folder_of(path_));
}

void write_bytes(const fs::path& path, std::initializer_list<std::string_view> pieces, const WriteOptions& options) {
    StagedFile(path, pieces, options).commit();
}

}  // namespace cortune
