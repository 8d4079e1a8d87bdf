// SPDX-License-Identifier: BSD-3-Clause
// Data sets: shape, type, axes, values.
#include <fmt/format.h>
#include <hdf5_hl.h>

#include <Eigen/Core>
#include <numeric>

#include "h5/node.hpp"
#include "h5/raw.hpp"

namespace cortune::h5 {

using raw::cannot_read, raw::check_writes, raw::object_path, raw::take_strings, raw::wrote;

template <>
hid_t native_type<float>() { return H5T_NATIVE_FLOAT; }
template <>
hid_t native_type<double>() { return H5T_NATIVE_DOUBLE; }
template <>
hid_t native_type<std::uint8_t>() { return H5T_NATIVE_UINT8; }
template <>
hid_t native_type<std::int16_t>() { return H5T_NATIVE_INT16; }
template <>
hid_t native_type<std::int32_t>() { return H5T_NATIVE_INT32; }
template <>
hid_t native_type<std::int64_t>() { return H5T_NATIVE_INT64; }

std::vector<float> rounded(std::span<const float> values, Narrow type) {
    std::vector<float> out(values.begin(), values.end());
    for (float& v : out) v = type == Narrow::float16 ? static_cast<float>(Eigen::half(v)) : static_cast<float>(Eigen::bfloat16(v));
    return out;
}

Shape Dataset::shape() const {
    Handle space(H5Dget_space(id()));
    const int rank = H5Sget_simple_extent_ndims(space.get());
    std::vector<hsize_t> dims(static_cast<std::size_t>(std::max(rank, 0)));
    if (rank > 0) H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr);
    return {dims.begin(), dims.end()};
}

std::uint64_t Dataset::size() const {
    const Shape s = shape();
    return std::accumulate(s.begin(), s.end(), std::uint64_t{1}, std::multiplies<>());
}

std::string Dataset::type_name() const {
    Handle type(H5Dget_type(id()));
    const auto bits = 8 * H5Tget_size(type.get());
    switch (H5Tget_class(type.get())) {
        case H5T_FLOAT: return fmt::format("{}float{}", bits == 16 && H5Tget_ebias(type.get()) == 127 ? "b" : "", bits);
        case H5T_INTEGER:
            return fmt::format("{}int{}", H5Tget_sign(type.get()) == H5T_SGN_NONE ? "u" : "", bits);
        case H5T_STRING: return H5Tis_variable_str(type.get()) > 0 ? "string" : "fixed-string";
        default: return "other";
    }
}

bool Dataset::little_endian() const {
    Handle type(H5Dget_type(id()));
    const auto kind = H5Tget_class(type.get());
    return (kind != H5T_FLOAT && kind != H5T_INTEGER) || H5Tget_order(type.get()) == H5T_ORDER_LE;
}

std::vector<std::string> Dataset::dims() const {
    std::vector<std::string> out;
    const auto rank = shape().size();
    for (unsigned axis = 0; axis < rank; ++axis) {
        std::string name;
        auto visit = [](hid_t, unsigned, hid_t scale, void* data) -> herr_t {
            const std::string path = object_path(scale);
            *static_cast<std::string*>(data) = path.substr(path.rfind('/') + 1);
            return 1;
        };
        int index = 0;
        if (H5DSis_scale(id()) <= 0 && H5DSget_num_scales(id(), axis) > 0)
            H5DSiterate_scales(id(), axis, &index, visit, &name);
        if (H5DSis_scale(id()) > 0) name = where_.substr(where_.rfind('/') + 1);
        out.push_back(name);
    }
    return out;
}

void Dataset::read_raw(hid_t type, void* out) const {
    if (size() > 0 && H5Dread(id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0)
        cannot_read(where_, "cannot be read");
}

void Dataset::write_raw(hid_t type, const void* in, std::uint64_t count) {
    if (count != size())
        throw std::logic_error(fmt::format("{}: {} values for a data set of {}", where_, count, size()));
    if (count > 0) wrote(H5Dwrite(id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, in), where_);
    check_writes(id(), where_);
}

void Dataset::rows_raw(hid_t type, std::uint64_t first, std::uint64_t count, void* out,
                       const void* in) const {
    if (count == 0) return;
    const Shape full = shape();
    std::vector<hsize_t> start(full.size(), 0), extent(full.begin(), full.end());
    start.at(0) = first;
    extent.at(0) = count;
    Handle file(H5Dget_space(id()));
    H5Sselect_hyperslab(file.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr);
    Handle memory(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr));
    if (in) {
        wrote(H5Dwrite(id(), type, memory.get(), file.get(), H5P_DEFAULT, in), where_);
        check_writes(id(), where_);
    } else if (H5Dread(id(), type, memory.get(), file.get(), H5P_DEFAULT, out) < 0)
        cannot_read(where_, fmt::format("rows {}–{} cannot be read", first, first + count - 1));
}

void Dataset::box_raw(hid_t type, const Shape& start, const Shape& extent, void* out) const {
    const std::vector<hsize_t> from(start.begin(), start.end()), count(extent.begin(), extent.end());
    Handle file(H5Dget_space(id())), memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr));
    if (H5Sselect_hyperslab(file.get(), H5S_SELECT_SET, from.data(), nullptr, count.data(), nullptr) < 0 ||
        H5Dread(id(), type, memory.get(), file.get(), H5P_DEFAULT, out) < 0)
        cannot_read(where_, "a part of it cannot be read");
}

Shape Dataset::chunk() const {
    Handle options(H5Dget_create_plist(id()));
    if (H5Pget_layout(options.get()) != H5D_CHUNKED) return {};
    std::vector<hsize_t> dims(shape().size());
    H5Pget_chunk(options.get(), static_cast<int>(dims.size()), dims.data());
    return {dims.begin(), dims.end()};
}

std::vector<std::string> Dataset::read_strings() const {
    if (type_name() != "string")
        throw BadInput(fmt::format("{}: expected strings, found {}", where_, type_name()));
    std::vector<char*> raw(size(), nullptr);
    if (raw.empty()) return {};
    Handle type(H5Dget_type(id()));
    Handle space(H5Dget_space(id()));
    read_raw(type.get(), raw.data());
    return take_strings(type.get(), space.get(), raw);
}

}  // namespace cortune::h5
