// SPDX-License-Identifier: BSD-3-Clause
#include "surface/surface_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>

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

void synced(const std::filesystem::path& part, const std::filesystem::path& path) {
    const int file = ::open(part.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) throw cannot_write(path, errno);
    const int error = ::fsync(file) == 0 ? 0 : errno;
    ::close(file);
    if (error != 0) throw cannot_write(path, error);
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
    const auto part = part_path(path);
    try {
        if (gifti_write_image(image.get(), part.c_str(), 1) != 0) throw cannot_write(path, errno ? errno : EIO);
        synced(part, path);
        if (std::rename(part.c_str(), path.c_str()) != 0) throw cannot_write(path, errno);
    } catch (...) {
        std::error_code ignored;
        std::filesystem::remove(part, ignored);
        throw;
    }
    sync_folder(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."));
}

}  // namespace cortune::surface
