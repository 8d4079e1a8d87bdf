// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/npy.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "core/error.hpp"
#include "core/foreign_file.hpp"
#include "core/output_file.hpp"
#include "core/text.hpp"

namespace cortune::datasets {

static_assert(std::endian::native == std::endian::little, "files are little-endian");

namespace {

struct Type {
    const char* descr;
    std::uint64_t bytes;
};
constexpr Type types[] = {{"<f4", 4}, {"<f8", 8}, {"<i8", 8}, {"<i4", 4},
                          {"<i2", 2}, {"|i1", 1}, {"|u1", 1}, {"|b1", 1}};

std::uint64_t item_bytes(const NpyHeader& header, const std::string& where) {
    for (const Type& t : types)
        if (header.descr == t.descr) return t.bytes;
    std::string hint = "save it with .astype(numpy.float32)";
    if (header.descr.starts_with('>')) hint = "it is big-endian: save it with .astype('<f4')";
    if (header.descr == "|O") hint = "it holds pickled Python objects, not numbers";
    throw BadInput(fmt::format("{}: expected numbers of type <f4, <f8, <i8, <i4, <i2, |i1, |u1 or |b1, "
                               "found '{}'", where, header.descr), hint);
}

// `n` values of the type `descr` as T.
template <class T>
void convert(const std::string& descr, const std::uint8_t* raw, std::size_t n, T* out) {
    auto as = [&](auto sample) {
        for (std::size_t i = 0; i < n; ++i) {
            std::memcpy(&sample, raw + i * sizeof sample, sizeof sample);
            out[i] = static_cast<T>(sample);
        }
    };
    if (descr == "<f4") as(float{});
    else if (descr == "<f8") as(double{});
    else if (descr == "<i8") as(std::int64_t{});
    else if (descr == "<i4") as(std::int32_t{});
    else if (descr == "<i2") as(std::int16_t{});
    else if (descr == "|i1") as(std::int8_t{});
    else as(std::uint8_t{});
}

std::vector<std::uint8_t> read_start(int file, std::size_t most) {
    std::vector<std::uint8_t> out(most);
    const ssize_t got = ::pread(file, out.data(), most, 0);
    out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return out;
}

}  // namespace

NpyFile::NpyFile(const std::filesystem::path& path) : path_(path) {
    const std::string where = path.string();
    require_file(path);
    file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat info {};
    try {
        if (file_ < 0 || ::fstat(file_, &info) != 0)
            throw BadInput(fmt::format("{}: {}", where, std::strerror(errno)));
        if (!S_ISREG(info.st_mode)) throw BadInput(where + ": not a file");
        // NumPy pads headers to 64 bytes; plain types and two axes never need more than this.
        header_ = parse_npy_header(read_start(file_, std::size_t{1} << 16), where);
        item_ = item_bytes(header_, where);
        if (header_.shape.size() > 2)
            throw BadInput(fmt::format("{}: expected at most two axes, found shape {}", where,
                                       shape_text(header_.shape)));
        std::uint64_t expected = item_;
        for (std::uint64_t n : header_.shape)
            if (__builtin_mul_overflow(expected, n, &expected)) expected = ~std::uint64_t{0} >> 1;
        expected = std::min(expected, ~std::uint64_t{0} >> 1) + header_.data_offset;
        const auto found = static_cast<std::uint64_t>(info.st_size);
        if (found < expected)
            throw BadInput(fmt::format("{}: expected {} bytes, found {}", where, expected, found),
                           "the file was cut short; copy or download it again");
    } catch (...) {
        if (file_ >= 0) ::close(file_);
        throw;
    }
    if (header_.shape.size() == 2) slow_ = header_.shape[0], fast_ = header_.shape[1];
    else if (header_.shape.size() == 1) fast_ = header_.shape[0];
    if (header_.fortran_order) std::swap(slow_, fast_);
}

NpyFile::~NpyFile() { ::close(file_); }

bool NpyFile::is_integer() const { return header_.descr[1] != 'f'; }

std::uint64_t NpyFile::size() const { return slow_ * fast_; }

void NpyFile::read_bytes(std::uint64_t offset, std::uint64_t count, void* out) const {
    if (const int error = try_read_at(file_, out, count, static_cast<std::int64_t>(offset + header_.data_offset)); error != 0)
        throw BadInput(fmt::format("{}: cannot be read ({})", path_.string(), read_failure(error)));
}

// Slices of the axis that varies slowest lie in one piece.
void NpyFile::along(std::uint64_t first, std::uint64_t count, float* out) const {
    if (header_.descr == "<f4") return read_bytes(4 * first * fast_, 4 * count * fast_, out);
    std::vector<std::uint8_t> raw(item_ * fast_);
    for (std::uint64_t i = 0; i < count; ++i) {
        read_bytes((first + i) * raw.size(), raw.size(), raw.data());
        convert(header_.descr, raw.data(), fast_, out + i * fast_);
    }
}

// Slices of the other axis are gathered, one short read for every slow index.
void NpyFile::across(std::uint64_t first, std::uint64_t count, float* out) const {
    std::vector<std::uint8_t> raw(item_ * count);
    std::vector<float> values(count);
    for (std::uint64_t s = 0; s < slow_; ++s) {
        read_bytes((s * fast_ + first) * item_, raw.size(), raw.data());
        convert(header_.descr, raw.data(), count, values.data());
        for (std::uint64_t i = 0; i < count; ++i) out[i * slow_ + s] = values[i];
    }
}

void NpyFile::rows(std::uint64_t first, std::uint64_t count, float* out) const {
    header_.fortran_order ? across(first, count, out) : along(first, count, out);
}

void NpyFile::columns(std::uint64_t first, std::uint64_t count, float* out) const {
    header_.fortran_order ? along(first, count, out) : across(first, count, out);
}

std::vector<float> NpyFile::floats() const {
    std::vector<std::uint8_t> raw(item_ * size());
    read_bytes(0, raw.size(), raw.data());
    std::vector<float> out(size());
    convert(header_.descr, raw.data(), out.size(), out.data());
    return out;
}

std::vector<std::int64_t> NpyFile::integers() const {
    if (!is_integer())
        throw BadInput(fmt::format("{}: expected integers, found '{}'", path_.string(), header_.descr));
    std::vector<std::uint8_t> raw(item_ * size());
    read_bytes(0, raw.size(), raw.data());
    std::vector<std::int64_t> out(size());
    convert(header_.descr, raw.data(), out.size(), out.data());
    return out;
}

}  // namespace cortune::datasets
