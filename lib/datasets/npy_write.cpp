// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <stdexcept>
#include <type_traits>

#include "datasets/npy.hpp"
#include "datasets/whole_file.hpp"

namespace cortune::datasets {
namespace {

template <class T>
constexpr const char* descr() {
    if constexpr (std::is_same_v<T, float>) return "<f4";
    else if constexpr (std::is_same_v<T, std::int64_t>) return "<i8";
    else return "|u1";
}

}  // namespace

std::string npy_header_bytes(const std::string& type, const std::vector<std::uint64_t>& shape) {
    std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type,
                                   shape_text(shape));
    // Magic, version, length and text together are a multiple of 64, the last byte a newline.
    text.append(63 - (10 + text.size()) % 64, ' ');
    text += '\n';
    std::string out("\x93NUMPY\x01\x00", 8);
    out += static_cast<char>(text.size() & 0xff);
    out += static_cast<char>(text.size() >> 8);
    return out + text;
}

template <class T>
void write_npy(const std::filesystem::path& path, const std::vector<std::uint64_t>& shape,
               std::span<const T> values, const WriteOptions& options) {
    std::uint64_t count = 1;
    for (std::uint64_t n : shape) count *= n;
    if (count != values.size())
        throw std::logic_error(fmt::format("{}: {} values for shape {}", path.string(), values.size(),
                                           shape_text(shape)));
    const std::string header = npy_header_bytes(descr<T>(), shape);
    write_bytes(path, {header, {reinterpret_cast<const char*>(values.data()), values.size_bytes()}}, options);
}

template <class T>
void write_npy(const std::filesystem::path& path, const std::vector<std::uint64_t>& shape,
               std::span<const T> values) {
    write_npy<T>(path, shape, values, {.overwrite = true});
}

#define CORTUNE_WRITE_NPY(T)                                                                                \
    template void write_npy<T>(const std::filesystem::path&, const std::vector<std::uint64_t>&,             \
                               std::span<const T>, const WriteOptions&);                                    \
    template void write_npy<T>(const std::filesystem::path&, const std::vector<std::uint64_t>&, std::span<const T>)
CORTUNE_WRITE_NPY(float);
CORTUNE_WRITE_NPY(std::int64_t);
CORTUNE_WRITE_NPY(std::uint8_t);
#undef CORTUNE_WRITE_NPY

}  // namespace cortune::datasets
