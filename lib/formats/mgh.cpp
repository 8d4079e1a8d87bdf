// SPDX-License-Identifier: BSD-3-Clause
#include "formats/mgh.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <bit>
#include <type_traits>

#include "core/error.hpp"
#include "core/foreign_file.hpp"

namespace cortune::formats {
namespace {

constexpr std::int64_t header_bytes = 284;
enum Type : std::int32_t { uchar = 0, integer = 1, real = 3, shorter = 4 };

gzFile handle(void* file) { return static_cast<gzFile>(file); }

std::int64_t width_of(std::int32_t type) {
    switch (type) {
        case uchar: return 1;
        case shorter: return 2;
        case integer:
        case real: return 4;
        default: return 0;
    }
}

std::uint32_t big_endian(const std::uint8_t* from, std::int64_t bytes) {
    std::uint32_t out = 0;
    for (std::int64_t i = 0; i < bytes; ++i) out = (out << 8) | from[i];
    return out;
}

float value_of(const std::uint8_t* from, std::int32_t type) {
    switch (type) {
        case uchar: return static_cast<float>(*from);
        case shorter: return static_cast<float>(static_cast<std::int16_t>(big_endian(from, 2)));
        case integer: return static_cast<float>(static_cast<std::int32_t>(big_endian(from, 4)));
        default: return std::bit_cast<float>(big_endian(from, 4));
    }
}

template <class T>
void put(std::string& out, T value) {
    for (int byte = static_cast<int>(sizeof(T)) - 1; byte >= 0; --byte)
        out += static_cast<char>(static_cast<std::make_unsigned_t<T>>(value) >> (8 * byte) & 0xff);
}

}  // namespace

void MghFile::Close::operator()(void* file) const { gzclose_r(handle(file)); }

MghFile::MghFile(const std::filesystem::path& path) : path_(path) {
    require_file(path);
    file_.reset(gzopen(path.c_str(), "rb"));
    std::uint8_t head[28] = {};
    if (!file_ || gzread(handle(file_.get()), head, sizeof head) != static_cast<int>(sizeof head) || big_endian(head, 4) != 1)
        throw BadInput(path.string() + ": not an MGH file, or cut short", "download it again");
    std::int64_t shape[4];
    for (int i = 0; i < 4; ++i) shape[i] = static_cast<std::int32_t>(big_endian(head + 4 + 4 * i, 4));
    type_ = static_cast<std::int32_t>(big_endian(head + 20, 4));
    if (width_of(type_) == 0) throw BadInput(fmt::format("{}: values of MGH type {} are not read", path.string(), type_));
    if (shape[0] < 1 || shape[1] != 1 || shape[2] != 1 || shape[3] < 1)
        throw BadInput(fmt::format("{}: expected vertices × 1 × 1 × frames, found {} × {} × {} × {}", path.string(), shape[0], shape[1], shape[2], shape[3]),
                       "the axes are permuted, or this is a volume");
    vertices_ = shape[0], frames_ = shape[3];
    // Behind the values some writers put a footer: longer is whole, shorter is not.
    std::error_code error;
    const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path, error));
    const std::int64_t wanted = header_bytes + vertices_ * frames_ * width_of(type_);
    if (gzdirect(handle(file_.get())) != 0 && !error && size < wanted)
        throw BadInput(fmt::format("{}: cut short: {} bytes of {}", path.string(), size, wanted), "download it again");
}

std::vector<float> MghFile::frame(std::int64_t index) const {
    const std::int64_t width = width_of(type_);
    std::vector<std::uint8_t> raw(static_cast<std::size_t>(vertices_ * width));
    const std::int64_t at = header_bytes + index * vertices_ * width;
    if (gzseek(handle(file_.get()), at, SEEK_SET) != at ||
        gzread(handle(file_.get()), raw.data(), static_cast<unsigned>(raw.size())) != static_cast<int>(raw.size()))
        throw BadInput(fmt::format("{}: cut short or damaged in frame {} of {}", path_.string(), index + 1, frames_), "download it again");
    std::vector<float> out(static_cast<std::size_t>(vertices_));
    for (std::size_t v = 0; v < out.size(); ++v) out[v] = value_of(raw.data() + v * static_cast<std::size_t>(width), type_);
    return out;
}

std::string mgh_bytes(const std::vector<float>& values) {
    std::string out;
    for (const std::int32_t field : {1, static_cast<std::int32_t>(values.size()), 1, 1, 1, static_cast<std::int32_t>(real), 0}) put(out, field);
    put(out, std::int16_t{0});  // no orientation: the values are a surface's
    out.resize(static_cast<std::size_t>(header_bytes), '\0');
    for (const float v : values) put(out, std::bit_cast<std::int32_t>(v));
    return out;
}

}  // namespace cortune::formats
