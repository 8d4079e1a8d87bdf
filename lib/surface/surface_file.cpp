// SPDX-License-Identifier: BSD-3-Clause
#include "surface/surface_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string_view>

#include "core/output_file.hpp"

extern "C" {  // the header does not say so itself
#include <gifti_io.h>
}

namespace cortune::surface {
namespace {

template <class T>
void big_endian(std::string& out, T value) {
    for (int byte = static_cast<int>(sizeof(T)) - 1; byte >= 0; --byte)
        out += static_cast<char>(static_cast<std::make_unsigned_t<T>>(value) >> (8 * byte) & 0xff);
}

struct FreeImage {
    void operator()(gifti_image* image) const { gifti_free_image(image); }
};

// What the library writes. It does not look whether its writes succeed, so it writes to a
// scratch file, and only what is whole goes on.
std::string gifti_text(gifti_image* image, const std::filesystem::path& path) {
    std::error_code none;
    const auto folder = std::filesystem::temp_directory_path(none);
    std::string name = ((none ? std::filesystem::path("/tmp") : folder) / "cortune-gifti-XXXXXX").string();
    const int file = ::mkostemp(name.data(), O_CLOEXEC);
    if (file < 0) throw cannot_write(name, errno);
    ::close(file);
    const bool failed = gifti_write_image(image, name.c_str(), 1) != 0;
    std::ifstream in(name, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    std::filesystem::remove(name, none);
    const auto last = text.find_last_not_of(" \n");
    if (failed || last == std::string::npos || !std::string_view(text).substr(0, last + 1).ends_with("</GIFTI>"))
        throw OutputError(fmt::format("{}: GIFTI could not be made in {}", path.string(), name), "$TMPDIR needs room for it");
    return text;
}

}  // namespace

void write_mgh(const std::filesystem::path& path, const VertexMap& map, bool overwrite) {
    constexpr std::size_t header_bytes = 284;
    std::string header, values;
    for (const std::int32_t field : {1, static_cast<std::int32_t>(map.value.size()), 1, 1, 1, 3 /* float */, 0})
        big_endian(header, field);
    big_endian(header, std::int16_t{0});  // no orientation: the values are a surface's
    header.resize(header_bytes, '\0');
    for (const float v : map.value) big_endian(values, std::bit_cast<std::int32_t>(v));
    write_bytes(path, {header, values}, {.overwrite = overwrite});
}

void write_gifti(const std::filesystem::path& path, const VertexMap& map, bool overwrite) {
    check_output(path, overwrite);
    const int dims[6] = {static_cast<int>(map.value.size()), 0, 0, 0, 0, 0};
    const std::unique_ptr<gifti_image, FreeImage> image(
        gifti_create_image(1, NIFTI_INTENT_NONE, NIFTI_TYPE_FLOAT32, 1, dims, 1));
    if (!image) throw std::bad_alloc();
    giiDataArray* array = image->darray[0];
    array->encoding = GIFTI_ENCODING_B64GZ;
    array->endian = gifti_get_this_endian();
    std::memcpy(array->data, map.value.data(), map.value.size() * sizeof(float));
    gifti_add_to_meta(&array->meta, "Name", map.name.c_str(), 1);
    gifti_add_to_meta(&image->meta, "AnatomicalStructurePrimary", map.hemisphere == "lh" ? "CortexLeft" : "CortexRight", 1);
    gifti_set_verb(0);
    write_bytes(path, {gifti_text(image.get(), path)}, {.overwrite = overwrite});
}

}  // namespace cortune::surface
