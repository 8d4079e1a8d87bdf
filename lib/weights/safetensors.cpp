// SPDX-License-Identifier: BSD-3-Clause
#include "weights/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "core/text_file.hpp"
#include "weights/number_format.hpp"

namespace fs = std::filesystem;

namespace cortune::weights {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::uint64_t longest_header = 100'000'000;  // as the reference reader has it

struct Entry {
    std::string name;
    std::vector<std::int64_t> shape;
    NumberFormat format;
    std::uint64_t begin, end;
};

NumberFormat parse_format(const std::string& dtype, const std::string& where) {
    if (dtype == "F32") return NumberFormat::float32;
    if (dtype == "F64") return NumberFormat::float64;
    if (dtype == "F16") return NumberFormat::float16;
    if (dtype == "BF16") return NumberFormat::bfloat16;
    for (const char* known : {"I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"})
        if (dtype == known) return NumberFormat::integer;
    throw BadInput(fmt::format("{}: number format '{}' is not supported", where, dtype),
                   "F16, BF16, F32 and F64 are");
}

Entry parse_entry(const std::string& file, const std::string& name, const Json& json) {
    const std::string where = file + ":" + name;
    try {
        Entry e{name, json.at("shape").get<std::vector<std::int64_t>>(),
                parse_format(json.at("dtype").get<std::string>(), where),
                json.at("data_offsets").at(0).get<std::uint64_t>(),
                json.at("data_offsets").at(1).get<std::uint64_t>()};
        const auto count = static_cast<std::uint64_t>(element_count(e.shape, where));
        if (e.end < e.begin) throw BadInput(where + ": data_offsets run backwards");
        if (e.format != NumberFormat::integer && e.end - e.begin != count * element_size(e.format))
            throw BadInput(fmt::format("{}: expected {} bytes for its shape, found {}", where,
                                       count * element_size(e.format), e.end - e.begin));
        return e;
    } catch (const nlohmann::json::exception&) {
        throw BadInput(where + ": dtype, shape or data_offsets are missing or malformed");
    }
}

// Sorted by position; the data of all tensors must fill `bytes` exactly.
std::vector<Entry> parse_header(const std::string& file, const Json& header, std::uint64_t bytes) {
    std::vector<Entry> entries;
    for (const auto& [name, value] : header.items())
        if (name != "__metadata__") entries.push_back(parse_entry(file, name, value));
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    std::uint64_t at = 0;
    for (const auto& e : entries) {
        if (e.begin != at)
            throw BadInput(
                fmt::format("{}:{}: expected data from byte {}, found {} (a hole or an overlap)", file,
                            e.name, at, e.begin));
        at = e.end;
    }
    if (at != bytes)
        throw BadInput(fmt::format("{}: expected {} bytes of data, found {}", file, at, bytes),
                       at > bytes ? "the file is cut short; fetch it again" : "");
    return entries;
}

// Text by name, as the format wants it. Anything else might be a note that goes unread.
std::map<std::string, std::string> parse_metadata(const std::string& file, const Json& header) {
    std::map<std::string, std::string> out;
    if (!header.contains("__metadata__")) return out;
    const Json& metadata = header["__metadata__"];
    if (!metadata.is_object()) throw BadInput(file + ": expected an object of texts as __metadata__");
    for (const auto& [key, value] : metadata.items()) {
        if (!value.is_string()) throw BadInput(fmt::format("{}: expected text under '{}' of __metadata__", file, key));
        out[key] = value.get<std::string>();
    }
    return out;
}

// Its length from the first 8 bytes; 0 where there are none or it cannot be.
std::uint64_t header_length(std::istream& in, std::uint64_t file_size) {
    std::uint64_t length = 0;
    in.read(reinterpret_cast<char*>(&length), sizeof length);
    return in && length >= 2 && length <= longest_header && length <= file_size - 8 ? length : 0;
}

}  // namespace

bool is_safetensors(const fs::path& path) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    std::ifstream in(path, std::ios::binary);
    return !error && in && header_length(in, size) > 0 && in.get() == '{';
}

Safetensors read_safetensors(const fs::path& path) {
    const std::string file = path.string();
    std::error_code error;
    const auto size = fs::file_size(path, error);
    std::ifstream in(path, std::ios::binary);
    if (error || !in) throw BadInput(file + ": cannot be read");
    const auto length = header_length(in, size);
    if (length == 0) throw BadInput(file + ": not a safetensors file, or cut short");
    std::string text(length, '\0');
    in.read(text.data(), static_cast<std::streamsize>(length));
    const Json header = Json::parse(text, nullptr, false);
    if (!in || !header.is_object()) throw BadInput(file + ": its safetensors header is no JSON object");
    Safetensors out{{}, parse_metadata(file, header)};
    for (const auto& e : parse_header(file, header, size - 8 - length)) {
        if (find(out.state, e.name)) throw BadInput(fmt::format("{}:{}: named twice", file, e.name));
        if (e.format == NumberFormat::integer) {
            if (e.name.ends_with("num_batches_tracked")) continue;
            throw BadInput(
                fmt::format("{}:{}: expected floating-point numbers, found integers", file, e.name));
        }
        std::vector<std::uint8_t> bytes(e.end - e.begin);
        in.seekg(static_cast<std::streamoff>(8 + length + e.begin));
        in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        if (!in) throw BadInput(fmt::format("{}:{}: cannot be read", file, e.name));
        out.state.push_back({e.name, e.shape, to_float(e.format, bytes)});
    }
    return out;
}

void write_safetensors(const fs::path& path, const StateDict& state,
                       const std::map<std::string, std::string>& metadata, bool overwrite) {
    Json header = Json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    std::uint64_t at = 0;
    for (const auto& t : state) {
        const std::uint64_t end = at + 4 * t.data.size();
        header[t.name] = {{"dtype", "F32"}, {"shape", t.shape}, {"data_offsets", {at, end}}};
        at = end;
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    const std::uint64_t length = text.size();
    std::string out(reinterpret_cast<const char*>(&length), sizeof length);
    out.reserve(8 + length + at);
    out += text;
    for (const auto& t : state)
        out.append(reinterpret_cast<const char*>(t.data.data()), 4 * t.data.size());
    write_text_file(path, out, overwrite);
}

}  // namespace cortune::weights
