// SPDX-License-Identifier: BSD-3-Clause
#include "h5/driver.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "h5/handle.hpp"

namespace cortune::h5 {
namespace {

struct File {
    H5FD_t base;  // first: HDF5 sees only this
    int descriptor;
    haddr_t allocated, written;
    dev_t device;
    ino_t inode;
    int failure;  // errno of the first failed write
    bool discard;
};

File& self(H5FD_t* base) { return *reinterpret_cast<File*>(base); }
const File& self(const H5FD_t* base) { return *reinterpret_cast<const File*>(base); }

H5FD_t* open_file(const char* name, unsigned flags, hid_t, haddr_t) {
    int mode = (flags & H5F_ACC_RDWR) != 0 ? O_RDWR : O_RDONLY;
    if ((flags & H5F_ACC_TRUNC) != 0) mode |= O_TRUNC;
    if ((flags & H5F_ACC_CREAT) != 0) mode |= O_CREAT;
    if ((flags & H5F_ACC_EXCL) != 0) mode |= O_EXCL;
    const int descriptor = ::open(name, mode | O_CLOEXEC, 0666);
    struct stat status {};
    if (descriptor < 0) return nullptr;
    if (::fstat(descriptor, &status) != 0) {
        ::close(descriptor);
        return nullptr;
    }
    auto file = std::make_unique<File>();
    file->descriptor = descriptor;
    file->written = static_cast<haddr_t>(status.st_size);
    file->device = status.st_dev;
    file->inode = status.st_ino;
    return &file.release()->base;
}

herr_t close_file(H5FD_t* base) {
    std::unique_ptr<File> file(&self(base));
    ::close(file->descriptor);
    return 0;
}

int compare(const H5FD_t* a, const H5FD_t* b) {
    const File &x = self(a), &y = self(b);
    if (x.device != y.device) return x.device < y.device ? -1 : 1;
    if (x.inode != y.inode) return x.inode < y.inode ? -1 : 1;
    return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
    if (flags)
        *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
                 H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

haddr_t get_allocated(const H5FD_t* base, H5FD_mem_t) { return self(base).allocated; }
herr_t set_allocated(H5FD_t* base, H5FD_mem_t, haddr_t address) {
    self(base).allocated = address;
    return 0;
}
haddr_t get_end(const H5FD_t* base, H5FD_mem_t) { return self(base).written; }
herr_t get_file(H5FD_t* base, hid_t, void** out) {
    *out = base;
    return 0;
}

// What was never written reads as zeros.
herr_t read_bytes(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, void* out) {
    auto* to = static_cast<char*>(out);
    while (size > 0) {
        const ssize_t n = ::pread(self(base).descriptor, to, size, static_cast<off_t>(address));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) break;
        to += n, address += static_cast<haddr_t>(n), size -= static_cast<std::size_t>(n);
    }
    std::memset(to, 0, size);
    return 0;
}

herr_t write_bytes(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, const void* in) {
    File& file = self(base);
    const auto* from = static_cast<const char*>(in);
    file.written = std::max(file.written, address + size);
    while (size > 0 && file.failure == 0 && !file.discard) {
        const ssize_t n = ::pwrite(file.descriptor, from, size, static_cast<off_t>(address));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            file.failure = n < 0 ? errno : EIO;
        else
            from += n, address += static_cast<haddr_t>(n), size -= static_cast<std::size_t>(n);
    }
    return 0;
}

herr_t truncate_file(H5FD_t* base, hid_t, hbool_t) {
    File& file = self(base);
    if (file.allocated == file.written) return 0;
    if (file.failure == 0 && !file.discard &&
        ::ftruncate(file.descriptor, static_cast<off_t>(file.allocated)) != 0)
        file.failure = errno;
    file.written = file.allocated;
    return 0;
}

hid_t driver() {
    static const hid_t id = [] {
        H5FD_class_t c{};
        c.name = "cortune";
        c.maxaddr = (haddr_t{1} << 62) - 1;
        c.fc_degree = H5F_CLOSE_WEAK;
        c.open = open_file;
        c.close = close_file;
        c.cmp = compare;
        c.query = query;
        c.get_eoa = get_allocated;
        c.set_eoa = set_allocated;
        c.get_eof = get_end;
        c.get_handle = get_file;
        c.read = read_bytes;
        c.write = write_bytes;
        c.truncate = truncate_file;
        // Metadata and raw data from two free lists, as HDF5's own POSIX driver does.
        constexpr H5FD_mem_t map[] = H5FD_FLMAP_DICHOTOMY;
        std::copy(std::begin(map), std::end(map), std::begin(c.fl_map));
        return H5FDregister(&c);
    }();
    return id;
}

// nullptr where the file has another driver.
File* file_of(hid_t object) {
    Handle file(H5Iget_file_id(object));
    Handle access(file ? H5Fget_access_plist(file.get()) : -1);
    void* found = nullptr;
    if (!access || H5Pget_driver(access.get()) != driver() ||
        H5Fget_vfd_handle(file.get(), H5P_DEFAULT, &found) < 0)
        return nullptr;
    return static_cast<File*>(found);
}

}  // namespace

void use_careful_driver(hid_t access) { H5Pset_driver(access, driver(), nullptr); }

std::string write_failure(hid_t object) {
    const File* file = file_of(object);
    return file && file->failure != 0 ? std::strerror(file->failure) : "";
}

void discard_writes(hid_t file) {
    if (File* f = file_of(file)) f->discard = true;
}

}  // namespace cortune::h5
