// SPDX-License-Identifier: BSD-3-Clause
// NumPy's .npy files: plain numbers, read in blocks so that memory stays bounded, and
// a small writer. (Format: numpy/lib/format.py, versions 1.0 to 3.0.)
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace cortune::datasets {

struct NpyHeader {
    std::string descr;          // "<f4"; "|O" for pickled objects
    bool fortran_order = false;
    std::vector<std::uint64_t> shape;
    std::uint64_t data_offset = 0;  // bytes before the values
};

// Throws BadInput naming `where` for anything but a header of version 1 to 3 of a plain type.
// `bytes` is the start of the file.
NpyHeader parse_npy_header(std::span<const std::uint8_t> bytes, const std::string& where);

// Numbers of type <f4 <f8 <i8 <i4 <i2 |i1 |u1 |b1 of up to two axes in either order
// (Fortran's is turned while reading). Reading is safe from several threads.
class NpyFile {
  public:
    // Throws BadInput for a missing or foreign file, another type (big-endian ones
    // included), more than two axes, or fewer bytes than the header promises.
    explicit NpyFile(const std::filesystem::path& path);
    ~NpyFile();
    NpyFile(const NpyFile&) = delete;
    NpyFile& operator=(const NpyFile&) = delete;

    const std::filesystem::path& path() const { return path_; }
    const std::vector<std::uint64_t>& shape() const { return header_.shape; }
    const std::string& descr() const { return header_.descr; }
    bool is_integer() const;  // bool included
    std::uint64_t size() const;
    std::uint64_t bytes() const { return size() * item_; }  // of the values

    // Two axes: rows [first, first + count), count × columns, row-major.
    void rows(std::uint64_t first, std::uint64_t count, float* out) const;
    // Two axes: columns [first, first + count) as rows: count × rows, row-major.
    void columns(std::uint64_t first, std::uint64_t count, float* out) const;
    // One axis (or none, or of length 1): all values. Integers need an integer file.
    std::vector<float> floats() const;
    std::vector<std::int64_t> integers() const;

  private:
    void read_bytes(std::uint64_t offset, std::uint64_t count, void* out) const;
    void along(std::uint64_t first, std::uint64_t count, float* out) const;
    void across(std::uint64_t first, std::uint64_t count, float* out) const;

    std::filesystem::path path_;
    NpyHeader header_;
    std::uint64_t item_ = 0;               // bytes per value
    std::uint64_t slow_ = 1, fast_ = 1;    // the two axes as they lie in the file
    int file_ = -1;
};

// "(1200, 89)", as NumPy prints a shape.
std::string shape_text(const std::vector<std::uint64_t>& shape);

// Writes version 1.0, C order, through ".<name>.<pid>.part" and a rename; an existing
// file is replaced. Throws OutputError. T is float (<f4), std::int64_t (<i8) or
// std::uint8_t (|u1); `values` has as many elements as `shape` says.
template <class T>
void write_npy(const std::filesystem::path& path, const std::vector<std::uint64_t>& shape,
               std::span<const T> values);
extern template void write_npy<float>(const std::filesystem::path&, const std::vector<std::uint64_t>&,
                                      std::span<const float>);
extern template void write_npy<std::int64_t>(const std::filesystem::path&,
                                             const std::vector<std::uint64_t>&,
                                             std::span<const std::int64_t>);
extern template void write_npy<std::uint8_t>(const std::filesystem::path&,
                                             const std::vector<std::uint64_t>&,
                                             std::span<const std::uint8_t>);

}  // namespace cortune::datasets
