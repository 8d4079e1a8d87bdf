// SPDX-License-Identifier: BSD-3-Clause
// Groups: finding and making what is in them.
#include "h5/node.hpp"

#include <fmt/format.h>
#include <hdf5_hl.h>

#include <algorithm>
#include <numeric>

#include "h5/raw.hpp"

namespace cortune::h5 {

using raw::cannot_read, raw::check_writes, raw::object_path, raw::pointers, raw::string_type, raw::wrote;

namespace {

// The little-endian file type of a native one.
hid_t file_type(hid_t native) {
    if (H5Tequal(native, H5T_NATIVE_FLOAT) > 0) return H5T_IEEE_F32LE;
    if (H5Tequal(native, H5T_NATIVE_DOUBLE) > 0) return H5T_IEEE_F64LE;
    if (H5Tequal(native, H5T_NATIVE_UINT8) > 0) return H5T_STD_U8LE;
    if (H5Tequal(native, H5T_NATIVE_INT16) > 0) return H5T_STD_I16LE;
    if (H5Tequal(native, H5T_NATIVE_INT32) > 0) return H5T_STD_I32LE;
    if (H5Tequal(native, H5T_NATIVE_INT64) > 0) return H5T_STD_I64LE;
    return native;
}

// Equal runs make equal bytes: no times, attributes in the order in which they were set.
Handle dataset_options() {
    Handle options(H5Pcreate(H5P_DATASET_CREATE));
    H5Pset_obj_track_times(options.get(), false);
    H5Pset_attr_creation_order(options.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    return options;
}

// Slabs of the leading axis of up to so many values.
std::vector<hsize_t> chunk_of(const std::vector<hsize_t>& extent) {
    constexpr hsize_t most = 1 << 20;
    auto out = extent;
    hsize_t row = 1;
    for (std::size_t axis = 1; axis < extent.size(); ++axis) row *= extent[axis];
    out[0] = std::clamp<hsize_t>(most / row, 1, extent[0]);
    return out;
}

Handle narrow_type(Narrow which) {
    Handle type(H5Tcopy(H5T_IEEE_F32LE));
    const bool half = which == Narrow::float16;
    // sign, exponent and mantissa: where and how many bits
    if (half) H5Tset_fields(type.get(), 15, 10, 5, 0, 10);
    else H5Tset_fields(type.get(), 15, 7, 8, 0, 7);
    H5Tset_size(type.get(), 2);
    H5Tset_ebias(type.get(), half ? 15 : 127);
    return type;
}

}  // namespace

std::string Node::child_where(const std::string& name) const {
    return where_.ends_with('/') ? where_ + name : where_ + '/' + name;
}

bool Node::has(const std::string& path) const {
    // H5Lexists fails on a missing intermediate group, so every prefix is asked for.
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const std::string prefix = path.substr(0, end);
        if (prefix != "/" && H5Lexists(id(), prefix.c_str(), H5P_DEFAULT) <= 0) return false;
        if (end == std::string::npos) return true;
    }
}

Node Node::group(const std::string& path) const {
    if (!has(path)) throw BadInput(child_where(path) + ": this group is missing");
    Handle g(H5Gopen2(id(), path.c_str(), H5P_DEFAULT));
    if (!g) cannot_read(child_where(path), "is not a group");
    return {std::move(g), child_where(path)};
}

Dataset Node::dataset(const std::string& path) const {
    if (!has(path)) throw BadInput(child_where(path) + ": this data set is missing");
    Handle d(H5Dopen2(id(), path.c_str(), H5P_DEFAULT));
    if (!d) cannot_read(child_where(path), "is not a data set");
    return {std::move(d), child_where(path)};
}

std::vector<std::string> Node::children() const {
    std::vector<std::string> out;
    // Our files have hard links alone; others may lead anywhere.
    auto visit = [](hid_t, const char* name, const H5L_info_t* info, void* data) -> herr_t {
        if (info->type == H5L_TYPE_HARD) static_cast<std::vector<std::string>*>(data)->emplace_back(name);
        return 0;
    };
    hsize_t at = 0;
    if (H5Literate(id(), H5_INDEX_CRT_ORDER, H5_ITER_INC, &at, visit, &out) < 0) {
        out.clear();
        at = 0;
        H5Literate(id(), H5_INDEX_NAME, H5_ITER_INC, &at, visit, &out);
    }
    return out;
}

bool Node::is_group(const std::string& name) const {
    H5O_info_t info;
    return H5Oget_info_by_name(id(), name.c_str(), &info, H5P_DEFAULT) >= 0 &&
           info.type == H5O_TYPE_GROUP;
}

Node Node::create_group(const std::string& path) {
    // One level at a time: groups that HDF5 makes in between would keep no order and
    // would hold the time of day.
    Handle options(H5Pcreate(H5P_GROUP_CREATE));
    H5Pset_link_creation_order(options.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    H5Pset_obj_track_times(options.get(), false);
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const std::string prefix = path.substr(0, end);
        if (!has(prefix)) {
            Handle made(wrote(H5Gcreate2(id(), prefix.c_str(), H5P_DEFAULT, options.get(), H5P_DEFAULT),
                              child_where(prefix)));
            check_writes(made.get(), child_where(prefix));
        }
        if (end == std::string::npos) return group(path);
    }
}

Handle Node::find_scale(const std::string& name) const {
    Handle file(H5Iget_file_id(id()));
    for (std::string path = object_path(id());; path = path.substr(0, path.rfind('/'))) {
        const std::string candidate = (path == "/" ? "" : path) + '/' + name;
        if (H5Lexists(file.get(), candidate.c_str(), H5P_DEFAULT) > 0) {
            Handle found(H5Dopen2(file.get(), candidate.c_str(), H5P_DEFAULT));
            if (found && H5DSis_scale(found.get()) > 0) return found;
        }
        if (path.empty() || path == "/") break;
    }
    throw std::logic_error(fmt::format("{}: no dimension scale '{}' in reach", where_, name));
}

Dataset Node::create_raw(const std::string& name, hid_t type, const std::vector<std::string>& dims,
                         const Describe& describe, Layout layout) {
    std::vector<Handle> scales;
    std::vector<hsize_t> extent;
    for (const auto& dim : dims) {
        scales.push_back(find_scale(dim));
        Handle space(H5Dget_space(scales.back().get()));
        extent.push_back(static_cast<hsize_t>(H5Sget_simple_extent_npoints(space.get())));
    }
    Handle space(dims.empty() ? H5Screate(H5S_SCALAR)
                              : H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr));
    Handle options = dataset_options();
    const std::string where = child_where(name);
    if (layout != Layout::whole && !extent.empty() && std::find(extent.begin(), extent.end(), hsize_t{0}) == extent.end()) {
        wrote(H5Pset_chunk(options.get(), static_cast<int>(extent.size()), chunk_of(extent).data()), where);
        if (layout == Layout::packed) {
            wrote(H5Pset_shuffle(options.get()), where);
            wrote(H5Pset_deflate(options.get(), 4), where);
        }
    }
    Handle d(wrote(H5Dcreate2(id(), name.c_str(), file_type(type), space.get(), H5P_DEFAULT,
                              options.get(), H5P_DEFAULT), where));
    for (unsigned axis = 0; axis < scales.size(); ++axis)
        wrote(H5DSattach_scale(d.get(), scales[axis].get(), axis), where);
    Dataset out(std::move(d), where);
    out.attr("long_name", describe.long_name);
    out.attr("units", describe.units.empty() ? std::string("1") : describe.units);
    return out;
}

Dataset Node::put_narrow(const std::string& name, const std::vector<std::string>& dims, std::span<const float> values, Narrow type, bool packed, const Describe& describe) {
    const Handle narrow = narrow_type(type);
    Dataset d = create_raw(name, narrow.get(), dims, describe, packed ? Layout::packed : Layout::whole);
    d.write(std::span<const float>(rounded(values, type)));
    return d;
}

Dataset Node::create_rows(const std::string& name, const std::vector<std::string>& dims, std::optional<Narrow> narrow, const Describe& describe) {
    const Handle type = narrow ? narrow_type(*narrow) : Handle(H5Tcopy(native_type<float>()));
    return create_raw(name, type.get(), dims, describe, Layout::chunked);
}

Dataset Node::put_packed(const std::string& name, const std::vector<std::string>& dims, std::span<const std::int32_t> values, const Describe& describe) {
    Dataset d = create_raw(name, native_type<std::int32_t>(), dims, describe, Layout::packed);
    d.write(values);
    return d;
}

void Node::scale_raw(const std::string& name, hid_t type, std::uint64_t n, const void* values,
                     const Describe& describe) {
    const hsize_t extent = n;
    Handle space(H5Screate_simple(1, &extent, nullptr));
    Handle options = dataset_options();
    const std::string where = child_where(name);
    Handle d(wrote(H5Dcreate2(id(), name.c_str(), file_type(type), space.get(), H5P_DEFAULT,
                              options.get(), H5P_DEFAULT), where));
    if (n > 0) wrote(H5Dwrite(d.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), where);
    wrote(H5DSset_scale(d.get(), name.c_str()), where);
    Dataset out(std::move(d), where);
    out.attr("long_name", describe.long_name);
    out.attr("units", describe.units.empty() ? std::string("1") : describe.units);
}

void Node::scale(const std::string& name, std::span<const std::string> labels,
                 const Describe& describe) {
    Handle type = string_type();
    const auto raw = pointers(labels);
    scale_raw(name, type.get(), raw.size(), raw.data(), describe);
}
void Node::scale(const std::string& name, std::span<const std::int32_t> values,
                 const Describe& describe) {
    scale_raw(name, H5T_NATIVE_INT32, values.size(), values.data(), describe);
}
void Node::scale(const std::string& name, std::span<const double> values,
                 const Describe& describe) {
    scale_raw(name, H5T_NATIVE_DOUBLE, values.size(), values.data(), describe);
}
void Node::index_scale(const std::string& name, std::uint64_t n, const Describe& describe) {
    std::vector<std::int32_t> values(n);
    std::iota(values.begin(), values.end(), 0);
    scale(name, values, describe);
}

Dataset Node::put_strings(const std::string& name, const std::vector<std::string>& dims,
                          std::span<const std::string> values, const Describe& describe) {
    Handle type = string_type();
    Dataset d = create_raw(name, type.get(), dims, describe);
    if (values.size() != d.size())
        throw std::logic_error(fmt::format("{}: {} strings for {}", d.where(), values.size(), d.size()));
    const auto raw = pointers(values);
    if (!raw.empty())
        wrote(H5Dwrite(d.id(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, raw.data()), d.where());
    return d;
}

void Node::put_text(const std::string& name, const std::string& text, const Describe& describe) {
    put_strings(name, {}, std::span(&text, 1), describe);
}

std::string Node::read_text(const std::string& name) const {
    const auto all = dataset(name).read_strings();
    if (all.size() != 1) throw BadInput(child_where(name) + ": expected one string");
    return all[0];
}

}  // namespace cortune::h5
