// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/mapping.hpp"

#include <fmt/format.h>

#include "core/error.hpp"
#include "core/pickle.hpp"
#include "core/text.hpp"
#include "datasets/npy.hpp"
#include "datasets/whole_file.hpp"

namespace cortune::datasets {
namespace {

// What rebuilding an array of objects names. Protocol 2 writes bytes as text through
// _codecs.encode; NumPy 2 moved its core.
bool allowed(const std::string& global) {
    return global == "numpy.core.multiarray._reconstruct" ||
           global == "numpy._core.multiarray._reconstruct" || global == "numpy.ndarray" ||
           global == "numpy.dtype" || global == "_codecs.encode";
}

// ndarray.__setstate__ takes (version, shape, dtype, is_fortran, list of objects).
const pickle::Value* only_object(const pickle::Value& array) {
    if (!array.made_by("numpy.core.multiarray._reconstruct") &&
        !array.made_by("numpy._core.multiarray._reconstruct"))
        return nullptr;
    const pickle::Value* state = array.state;
    const pickle::Value* objects = state && state->items.size() == 5 ? state->items[4] : nullptr;
    return objects && objects->items.size() == 1 ? objects->items[0] : nullptr;
}

}  // namespace

std::map<std::int64_t, std::string> read_mapping_npy(const std::filesystem::path& path) {
    const std::string where = path.string();
    const auto bytes = read_whole_file(path, std::uint64_t{1} << 20);
    const NpyHeader header = parse_npy_header(bytes, where);
    if (header.descr != "|O" || !header.shape.empty())
        throw BadInput(fmt::format("{}: expected one pickled dict (type '|O', shape ()), found '{}' {}", where,
                                   header.descr, shape_text(header.shape)));
    const auto document = pickle::load(std::span(bytes).subspan(header.data_offset), where, allowed);
    const pickle::Value* dict = only_object(document.root());
    if (!dict || !dict->is(pickle::Kind::dict))
        throw BadInput(fmt::format("{}: expected an array of one dict, found {}", where,
                                   dict ? dict->describe() : document.root().describe()));
    std::map<std::int64_t, std::string> out;
    for (const auto& [key, value] : dict->pairs) {
        if (!key->is(pickle::Kind::integer) || !value->is(pickle::Kind::text))
            throw BadInput(fmt::format("{}: expected a dict of int to str, found {} to {}", where,
                                       key->describe(), value->describe()));
        out[key->integer] = trim(value->text);
    }
    return out;
}

void write_mapping_npy(const std::filesystem::path& path,
                       const std::map<std::int64_t, std::string>& names) {
    auto little = [](std::uint64_t value, int bytes) {
        std::string out;
        for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
        return out;
    };
    std::string out;
    auto text = [&](const std::string& s) { out.append("X").append(little(s.size(), 4)).append(s); };
    using namespace std::string_view_literals;
    // _reconstruct(ndarray, (0,), b'b'), then its state: (1, (), dtype('O'), False, [dict]).
    out.append("\x80\x03"sv).append("cnumpy.core.multiarray\n_reconstruct\n"sv).append("cnumpy\nndarray\n"sv);
    out.append("K\x00\x85"sv).append("C\x01"sv).append("b\x87R"sv).append("(K\x01)"sv).append("cnumpy\ndtype\n"sv);
    text("O8");
    out.append("\x89\x88\x87R"sv).append("(K\x03"sv);
    text("|");
    out.append("NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb"sv).append("\x89]}("sv);
    for (const auto& [value, name] : names) {
        out.append("\x8a\x08"sv).append(little(static_cast<std::uint64_t>(value), 8));
        text(name);
    }
    out += "uatb.";
    const std::string header = npy_header_bytes("|O", {});
    write_whole_file(path, {header, out});
}

}  // namespace cortune::datasets
