// SPDX-License-Identifier: BSD-3-Clause
// Groups, data sets and attributes: the part of HDF5 that cortune's files use.
// C order, little-endian plain types, variable-length UTF-8 strings, a dimension
// scale on every axis. Failures while reading throw BadInput, while writing
// OutputError; both name "file:/data/set".
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "h5/handle.hpp"

namespace cortune::h5 {

using Shape = std::vector<std::uint64_t>;

template <class T>
hid_t native_type();
template <>
hid_t native_type<float>();
template <>
hid_t native_type<double>();
template <>
hid_t native_type<std::uint8_t>();
template <>
hid_t native_type<std::int16_t>();
template <>
hid_t native_type<std::int32_t>();
template <>
hid_t native_type<std::int64_t>();

// What a person reads beside a data set. An empty `units` means dimensionless ("1").
struct Describe {
    std::string long_name;
    std::string units = {};
};

// Common to groups and data sets.
class Object {
  public:
    const std::string& where() const { return where_; }  // "file:/path"
    hid_t id() const { return handle_.get(); }

    bool has_attr(const std::string& name) const;
    void attr(const std::string& name, const std::string& value);
    void attr(const std::string& name, const char* value) { attr(name, std::string(value)); }
    void attr(const std::string& name, std::int64_t value);
    void attr(const std::string& name, int value) { attr(name, std::int64_t{value}); }
    void attr(const std::string& name, std::uint64_t) = delete;  // say which signed value is meant
    void attr(const std::string& name, double value);
    void attr(const std::string& name, const std::vector<std::string>& values);
    void attr(const std::string& name, const std::vector<std::int64_t>& values);
    void attr(const std::string& name, const std::vector<double>& values);
    // Throw BadInput where absent or of another type.
    std::string attr_string(const std::string& name) const;
    std::int64_t attr_int(const std::string& name) const;
    double attr_double(const std::string& name) const;
    std::vector<std::string> attr_strings(const std::string& name) const;
    std::vector<std::int64_t> attr_ints(const std::string& name) const;
    std::vector<double> attr_doubles(const std::string& name) const;

  protected:
    Object(Handle handle, std::string where)
        : handle_(std::move(handle)), where_(std::move(where)) {}
    Handle handle_;
    std::string where_;
};

// IEEE half precision, and the upper half of a float32.
enum class Narrow { float16, bfloat16 };
// The nearest that `type` holds (ties to even): what is written to such a data set. HDF5 1.10 itself forgets the
// carry where rounding fills the mantissa (.12498 becomes .0625).
std::vector<float> rounded(std::span<const float> values, Narrow type);

class Dataset : public Object {
  public:
    Dataset(Handle handle, std::string where) : Object(std::move(handle), std::move(where)) {}
    Shape shape() const;
    std::uint64_t size() const;  // number of elements
    std::string type_name() const;  // "float32", "bfloat16", "uint8", "string", … as in the schemas
    bool little_endian() const;     // of a number's type; true where there is no order
    // Names of the dimension scales, "" where an axis has none.
    std::vector<std::string> dims() const;

    // Whole data set, converted to T by HDF5.
    template <class T>
    std::vector<T> read() const {
        std::vector<T> out(size());
        read_raw(native_type<T>(), out.data());
        return out;
    }
    std::vector<std::string> read_strings() const;
    // Rows [first, first + count) of the leading axis.
    template <class T>
    void read_rows(std::uint64_t first, std::uint64_t count, T* out) const {
        rows_raw(native_type<T>(), first, count, out, nullptr);
    }
    // A box of any rank: extent[0] × extent[1] × … from `start` on.
    template <class T>
    void read_box(const Shape& start, const Shape& extent, T* out) const {
        box_raw(native_type<T>(), start, extent, out);
    }
    Shape chunk() const;  // of a chunked data set; empty where the values lie in one piece
    template <class T>
    void write_rows(std::uint64_t first, std::uint64_t count, const T* in) {
        rows_raw(native_type<T>(), first, count, nullptr, in);
    }
    template <class T>
    void write(std::span<const T> values) {
        write_raw(native_type<T>(), values.data(), values.size());
    }

  private:
    void read_raw(hid_t type, void* out) const;
    void write_raw(hid_t type, const void* in, std::uint64_t count);
    void box_raw(hid_t type, const Shape& start, const Shape& extent, void* out) const;
    void rows_raw(hid_t type, std::uint64_t first, std::uint64_t count, void* out,
                  const void* in) const;
};

class Node : public Object {
  public:
    Node(Handle handle, std::string where) : Object(std::move(handle), std::move(where)) {}

    // Reading
    bool has(const std::string& path) const;
    Node group(const std::string& path) const;
    Dataset dataset(const std::string& path) const;
    std::vector<std::string> children() const;  // names of hard links, in creation order
    bool is_group(const std::string& name) const;

    // Writing. A name with slashes creates the groups in between.
    Node create_group(const std::string& path);
    // An axis: its coordinate values and, for other data sets, its name.
    void scale(const std::string& name, std::span<const std::string> labels, const Describe&);
    void scale(const std::string& name, std::span<const std::int32_t> values, const Describe&);
    void scale(const std::string& name, std::span<const double> values, const Describe&);
    // An axis that only counts: 0, 1, …, n − 1.
    void index_scale(const std::string& name, std::uint64_t n, const Describe&);
    // `dims` name scales of this group or of one of its ancestors (as in netCDF-4);
    // the data set takes its shape from them.
    template <class T>
    Dataset create(const std::string& name, const std::vector<std::string>& dims,
                   const Describe& describe) {
        return create_raw(name, native_type<T>(), dims, describe);
    }
    template <class T>
    Dataset put(const std::string& name, const std::vector<std::string>& dims,
                std::span<const T> values, const Describe& describe) {
        Dataset d = create<T>(name, dims, describe);
        d.write(values);
        return d;
    }
    template <class T>
    Dataset put(const std::string& name, const std::vector<std::string>& dims,
                const std::vector<T>& values, const Describe& describe) {
        return put(name, dims, std::span<const T>(values), describe);
    }
    // Floats in two bytes, rounded to the nearest (ties to even), and whole numbers; both, where `packed`, shuffled and deflated in chunks.
    Dataset put_narrow(const std::string& name, const std::vector<std::string>& dims, std::span<const float> values, Narrow type, bool packed, const Describe& describe);
    // To be written row by row, in chunks of whole rows: float32, or `narrow` (it gets rounded() values).
    Dataset create_rows(const std::string& name, const std::vector<std::string>& dims, std::optional<Narrow> narrow, const Describe& describe);
    Dataset put_packed(const std::string& name, const std::vector<std::string>& dims, std::span<const std::int32_t> values, const Describe& describe);
    Dataset put_strings(const std::string& name, const std::vector<std::string>& dims,
                        std::span<const std::string> values, const Describe& describe);
    // A string without axes.
    void put_text(const std::string& name, const std::string& text, const Describe& describe);
    std::string read_text(const std::string& name) const;

  private:
    enum class Layout { whole, chunked, packed };  // packed: in chunks, shuffled and deflated
    Dataset create_raw(const std::string& name, hid_t type, const std::vector<std::string>& dims,
                       const Describe& describe, Layout layout = Layout::whole);
    void scale_raw(const std::string& name, hid_t type, std::uint64_t n, const void* values,
                   const Describe& describe);
    Handle find_scale(const std::string& name) const;
    std::string child_where(const std::string& name) const;
};

}  // namespace cortune::h5
