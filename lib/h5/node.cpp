// SPDX-License-Identifier: BSD-3-Clause
#include "h5/node.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hdf5_hl.h>

#include <numeric>

#include "core/error.hpp"
#include "h5/driver.hpp"

namespace cortune::h5 {

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

namespace {

// The deepest message of HDF5's error stack, which names the system's reason.
std::string stack_reason() {
    std::string reason;
    auto visit = [](unsigned, const H5E_error2_t* e, void* out) -> herr_t {
        if (e->desc) *static_cast<std::string*>(out) = e->desc;
        return 0;
    };
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, visit, &reason);
    return reason.empty() ? "HDF5 gave no reason" : reason;
}

[[noreturn]] void cannot_read(const std::string& where, const std::string& what) {
    throw BadInput(fmt::format("{}: {} ({})", where, what, stack_reason()));
}

template <class Id>
Id wrote(Id id, const std::string& where) {
    if (id < 0) throw OutputError(fmt::format("{}: cannot be written ({})", where, stack_reason()));
    return id;
}

// After a change of `object`: the driver keeps write failures for us to ask for.
void check_writes(hid_t object, const std::string& where) {
    if (const std::string reason = write_failure(object); !reason.empty())
        throw OutputError(fmt::format("{}: cannot be written ({})", where, reason),
                          "is the disk full? nothing was left behind");
}

Handle string_type() {
    Handle type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    return type;
}

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

std::vector<const char*> pointers(std::span<const std::string> values) {
    std::vector<const char*> out;
    for (const auto& v : values) out.push_back(v.c_str());
    return out;
}

void write_attr(hid_t object, const std::string& where, const std::string& name, hid_t type,
                hid_t space, const void* values) {
    if (H5Aexists(object, name.c_str()) > 0) H5Adelete(object, name.c_str());
    Handle a(wrote(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), where));
    Handle memory(H5Tget_native_type(type, H5T_DIR_ASCEND));
    wrote(H5Awrite(a.get(), memory.get(), values), where);
    check_writes(object, where);
}

Handle vector_space(std::size_t n) {
    const hsize_t size = n;
    return Handle(n == 0 ? H5Screate(H5S_NULL) : H5Screate_simple(1, &size, nullptr));
}

struct OpenAttr {
    Handle attribute, space;
    std::size_t count;
};

OpenAttr open_attr(hid_t object, const std::string& where, const std::string& name,
                   H5T_class_t wanted) {
    if (H5Aexists(object, name.c_str()) <= 0)
        throw BadInput(fmt::format("{}: attribute '{}' is missing", where, name));
    OpenAttr out{Handle(H5Aopen(object, name.c_str(), H5P_DEFAULT)), {}, 0};
    Handle type(H5Aget_type(out.attribute.get()));
    if (H5Tget_class(type.get()) != wanted)
        throw BadInput(fmt::format("{}: attribute '{}' has another type than expected", where, name));
    out.space = Handle(H5Aget_space(out.attribute.get()));
    const auto n = H5Sget_simple_extent_npoints(out.space.get());
    out.count = n < 0 ? 0 : static_cast<std::size_t>(n);
    return out;
}

template <class T>
std::vector<T> read_numbers(hid_t object, const std::string& where, const std::string& name,
                            H5T_class_t wanted) {
    OpenAttr a = open_attr(object, where, name, wanted);
    std::vector<T> out(a.count);
    if (a.count > 0 && H5Aread(a.attribute.get(), native_type<T>(), out.data()) < 0)
        cannot_read(where, "attribute '" + name + "' cannot be read");
    return out;
}

std::vector<std::string> take_strings(hid_t type, hid_t space, std::vector<char*>& raw) {
    std::vector<std::string> out;
    for (char* s : raw) out.emplace_back(s ? s : "");
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, raw.data());
    return out;
}

template <class T>
T only(const std::vector<T>& values, const std::string& where, const std::string& name) {
    if (values.size() != 1)
        throw BadInput(fmt::format("{}: attribute '{}' should hold one value, holds {}", where, name,
                                   values.size()));
    return values[0];
}

}  // namespace

bool Object::has_attr(const std::string& name) const {
    return H5Aexists(id(), name.c_str()) > 0;
}

void Object::attr(const std::string& name, const std::string& value) {
    Handle type = string_type();
    Handle space(H5Screate(H5S_SCALAR));
    const char* text = value.c_str();
    write_attr(id(), where_, name, type.get(), space.get(), &text);
}

void Object::attr(const std::string& name, std::int64_t value) {
    Handle space(H5Screate(H5S_SCALAR));
    write_attr(id(), where_, name, H5T_STD_I64LE, space.get(), &value);
}

void Object::attr(const std::string& name, double value) {
    Handle space(H5Screate(H5S_SCALAR));
    write_attr(id(), where_, name, H5T_IEEE_F64LE, space.get(), &value);
}

void Object::attr(const std::string& name, const std::vector<std::string>& values) {
    Handle type = string_type();
    Handle space = vector_space(values.size());
    const auto raw = pointers(values);
    static const char* const nothing = "";
    write_attr(id(), where_, name, type.get(), space.get(), raw.empty() ? &nothing : raw.data());
}

void Object::attr(const std::string& name, const std::vector<std::int64_t>& values) {
    Handle space = vector_space(values.size());
    static const std::int64_t nothing = 0;
    write_attr(id(), where_, name, H5T_STD_I64LE, space.get(),
               values.empty() ? &nothing : values.data());
}

void Object::attr(const std::string& name, const std::vector<double>& values) {
    Handle space = vector_space(values.size());
    static const double nothing = 0;
    write_attr(id(), where_, name, H5T_IEEE_F64LE, space.get(),
               values.empty() ? &nothing : values.data());
}

std::vector<std::string> Object::attr_strings(const std::string& name) const {
    OpenAttr a = open_attr(id(), where_, name, H5T_STRING);
    Handle stored(H5Aget_type(a.attribute.get()));
    if (H5Tis_variable_str(stored.get()) <= 0)
        throw BadInput(fmt::format("{}: attribute '{}' is a fixed-length string", where_, name));
    Handle type = string_type();
    H5Tset_cset(type.get(), H5Tget_cset(stored.get()));
    std::vector<char*> raw(a.count, nullptr);
    if (a.count == 0) return {};
    if (H5Aread(a.attribute.get(), type.get(), raw.data()) < 0)
        cannot_read(where_, "attribute '" + name + "' cannot be read");
    return take_strings(type.get(), a.space.get(), raw);
}

std::vector<std::int64_t> Object::attr_ints(const std::string& name) const {
    return read_numbers<std::int64_t>(id(), where_, name, H5T_INTEGER);
}
std::vector<double> Object::attr_doubles(const std::string& name) const {
    return read_numbers<double>(id(), where_, name, H5T_FLOAT);
}
std::string Object::attr_string(const std::string& name) const {
    return only(attr_strings(name), where_, name);
}
std::int64_t Object::attr_int(const std::string& name) const {
    return only(attr_ints(name), where_, name);
}
double Object::attr_double(const std::string& name) const {
    return only(attr_doubles(name), where_, name);
}

std::vector<std::string> Object::attr_names() const {
    std::vector<std::string> out;
    auto visit = [](hid_t, const char* name, const H5A_info_t*, void* data) -> herr_t {
        static_cast<std::vector<std::string>*>(data)->emplace_back(name);
        return 0;
    };
    hsize_t at = 0;
    H5Aiterate2(id(), H5_INDEX_NAME, H5_ITER_INC, &at, visit, &out);
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
        case H5T_FLOAT: return fmt::format("float{}", bits);
        case H5T_INTEGER:
            return fmt::format("{}int{}", H5Tget_sign(type.get()) == H5T_SGN_NONE ? "u" : "", bits);
        case H5T_STRING: return H5Tis_variable_str(type.get()) > 0 ? "string" : "fixed-string";
        default: return "other";
    }
}

std::vector<std::string> Dataset::dims() const {
    std::vector<std::string> out;
    const auto rank = shape().size();
    for (unsigned axis = 0; axis < rank; ++axis) {
        std::string name;
        auto visit = [](hid_t, unsigned, hid_t scale, void* data) -> herr_t {
            char text[256] = "";
            H5Iget_name(scale, text, sizeof text);
            const std::string path = text;
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
    auto visit = [](hid_t, const char* name, const H5L_info_t*, void* data) -> herr_t {
        static_cast<std::vector<std::string>*>(data)->emplace_back(name);
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
    char text[1024] = "";
    H5Iget_name(id(), text, sizeof text);
    Handle file(H5Iget_file_id(id()));
    for (std::string path = text;; path = path.substr(0, path.rfind('/'))) {
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
                         const Describe& describe) {
    std::vector<Handle> scales;
    std::vector<hsize_t> extent;
    for (const auto& dim : dims) {
        scales.push_back(find_scale(dim));
        Handle space(H5Dget_space(scales.back().get()));
        extent.push_back(static_cast<hsize_t>(H5Sget_simple_extent_npoints(space.get())));
    }
    Handle space(dims.empty() ? H5Screate(H5S_SCALAR)
                              : H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr));
    Handle options(H5Pcreate(H5P_DATASET_CREATE));
    H5Pset_obj_track_times(options.get(), false);
    H5Pset_attr_creation_order(options.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    const std::string where = child_where(name);
    Handle d(wrote(H5Dcreate2(id(), name.c_str(), file_type(type), space.get(), H5P_DEFAULT,
                              options.get(), H5P_DEFAULT), where));
    for (unsigned axis = 0; axis < scales.size(); ++axis)
        wrote(H5DSattach_scale(d.get(), scales[axis].get(), axis), where);
    Dataset out(std::move(d), where);
    out.attr("long_name", describe.long_name);
    out.attr("units", describe.units.empty() ? std::string("1") : describe.units);
    return out;
}

void Node::scale_raw(const std::string& name, hid_t type, std::uint64_t n, const void* values,
                     const Describe& describe) {
    const hsize_t extent = n;
    Handle space(H5Screate_simple(1, &extent, nullptr));
    Handle options(H5Pcreate(H5P_DATASET_CREATE));
    H5Pset_obj_track_times(options.get(), false);
    H5Pset_attr_creation_order(options.get(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
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
