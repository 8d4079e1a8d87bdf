// SPDX-License-Identifier: BSD-3-Clause
#include "h5/seal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/error.hpp"
#include "core/hash.hpp"
#include "core/interrupt.hpp"
#include "core/output_file.hpp"

namespace fs = std::filesystem;

namespace cortune::h5 {
namespace {

constexpr const char* seal_name = "file_sha256";
constexpr std::int64_t seal_characters = 64;

struct Descriptor {
    Descriptor(const fs::path& path, int flags) : number(::open(path.c_str(), flags | O_CLOEXEC)) {}
    ~Descriptor() {
        if (number >= 0) ::close(number);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int number;
};

// -1: HDF5 reads the file otherwise than by a descriptor.
int descriptor_of(hid_t file) {
    void* number = nullptr;
    return H5Fget_vfd_handle(file, H5P_DEFAULT, &number) >= 0 && number ? *static_cast<int*>(number) : -1;
}

// The digest that belongs at `offset`, and in `found` what is there. 0, or why it could not be read. What is written is
// worth keeping: only a reader lets itself be interrupted.
int digest_of(int file, std::int64_t offset, std::string& found, std::string& expected, bool interruptible) {
    struct stat s {};
    if (::fstat(file, &s) != 0) return errno;
    const auto bytes = static_cast<std::int64_t>(s.st_size);
    found.assign(seal_characters, '\0');
    if (const int error = try_read_at(file, found.data(), found.size(), offset); error != 0) return error;
    Sha256 hash;
    std::vector<char> block(1 << 20);
    for (std::int64_t at = 0; at < bytes; at += static_cast<std::int64_t>(block.size())) {
        if (interruptible) check_interrupt();
        const auto count = std::min<std::int64_t>(static_cast<std::int64_t>(block.size()), bytes - at);
        if (const int error = try_read_at(file, block.data(), static_cast<std::size_t>(count), at); error != 0) return error;
        const auto first = std::clamp<std::int64_t>(offset - at, 0, count), last = std::clamp<std::int64_t>(offset + seal_characters - at, 0, count);
        std::fill(block.begin() + first, block.begin() + last, '0');
        hash.update(block.data(), static_cast<std::size_t>(count));
    }
    expected = to_hex(hash.digest());
    return 0;
}

}  // namespace

void reserve_seal(Node& root) {
    const auto fail = [&] { return OutputError(root.where() + seal_name + ": cannot be created"); };
    const Handle type(H5Tcopy(H5T_C_S1)), space(H5Screate(H5S_SCALAR)), options(H5Pcreate(H5P_DATASET_CREATE));
    if (H5Tset_size(type.get(), seal_characters) < 0 || H5Tset_strpad(type.get(), H5T_STR_NULLPAD) < 0) throw fail();
    // In one piece and at once, so that it has a place.
    if (H5Pset_layout(options.get(), H5D_CONTIGUOUS) < 0 || H5Pset_alloc_time(options.get(), H5D_ALLOC_TIME_EARLY) < 0 ||
        H5Pset_obj_track_times(options.get(), false) < 0)
        throw fail();
    Dataset made(Handle(H5Dcreate2(root.id(), seal_name, type.get(), space.get(), H5P_DEFAULT, options.get(), H5P_DEFAULT)), root.where() + seal_name);
    const std::string zeros(seal_characters, '0');
    if (made.id() < 0 || H5Dwrite(made.id(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros.data()) < 0) throw fail();
    made.attr("long_name", "SHA-256 of this file with these characters as zeros");
    made.attr("units", "1");
}

std::int64_t seal_offset(const Node& root) {
    if (!root.has(seal_name)) return -1;
    const haddr_t at = H5Dget_offset(root.dataset(seal_name).id());
    if (at == HADDR_UNDEF) throw BadInput(root.where() + seal_name + ": expected 64 characters in one piece");
    return static_cast<std::int64_t>(at);
}

void write_seal(const fs::path& path, std::int64_t offset) {
    const Descriptor file(path, O_RDWR);
    if (file.number < 0) throw cortune::cannot_write(path, errno);
    std::string found, digest;
    if (const int error = digest_of(file.number, offset, found, digest, false); error != 0)
        throw OutputError(fmt::format("{}: cannot be read back ({})", path.string(), read_failure(error)));
    write_at(file.number, path, digest.data(), digest.size(), offset);
}

bool seal_holds(hid_t file, const fs::path& path, std::int64_t offset) {
    std::string found, digest;
    const int number = descriptor_of(file);
    const int error = number < 0 ? EBADF : digest_of(number, offset, found, digest, true);
    if (error != 0) throw BadInput(fmt::format("{}: cannot be read ({})", path.string(), read_failure(error)));
    return found == digest;
}

std::string file_state(hid_t file) {
    struct stat s {};
    if (const int number = descriptor_of(file); number < 0 || ::fstat(number, &s) != 0) return {};
    return fmt::format("{} {} {} {}.{}", s.st_dev, s.st_ino, s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
}

}  // namespace cortune::h5
