// SPDX-License-Identifier: BSD-3-Clause
// Attributes of groups and data sets.
#include <fmt/format.h>

#include "h5/node.hpp"
#include "h5/raw.hpp"

namespace cortune::h5 {

using raw::cannot_read, raw::check_writes, raw::pointers, raw::string_type, raw::take_strings, raw::wrote;

namespace {

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

}  // namespace cortune::h5
