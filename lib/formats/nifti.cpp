// SPDX-License-Identifier: BSD-3-Clause
#include "formats/nifti.hpp"

#include <fmt/format.h>
#include <nifti1_io.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>

#include "core/error.hpp"
#include "core/gzip.hpp"
#include "core/foreign_file.hpp"

namespace cortune::formats {
namespace {

struct Free {
    void operator()(nifti_image* image) const { nifti_image_free(image); }
};

// The values' bytes in this machine's order. niftiio itself fills what is missing in a file
// that is cut short with zeros.
std::vector<std::uint8_t> read_values(const nifti_image& image, const std::string& path) {
    std::vector<std::uint8_t> out(image.nvox * static_cast<std::size_t>(image.nbyper));
    const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose_r);
    std::size_t done = 0;
    if (file && gzseek(file.get(), image.iname_offset, SEEK_SET) == image.iname_offset)
        while (done < out.size()) {
            constexpr std::size_t most = std::size_t{1} << 30;
            const int got = gzread(file.get(), out.data() + done, static_cast<unsigned>(std::min(most, out.size() - done)));
            if (got <= 0) break;
            done += static_cast<std::size_t>(got);
        }
    if (done < out.size()) throw BadInput(fmt::format("{}: cut short: {} bytes of {}", path, done, out.size()), "download it again");
    if (image.swapsize > 1 && image.byteorder != nifti_short_order()) nifti_swap_Nbytes(image.nvox, image.swapsize, out.data());
    return out;
}

template <class T>
void convert(const nifti_image& image, const std::vector<std::uint8_t>& bytes, std::vector<float>& out) {
    const auto* from = reinterpret_cast<const T*>(bytes.data());
    // A slope of 0 means that the values are not scaled.
    const double slope = image.scl_slope == 0 ? 1.0 : static_cast<double>(image.scl_slope);
    const double offset = image.scl_slope == 0 ? 0.0 : static_cast<double>(image.scl_inter);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(slope * static_cast<double>(from[i]) + offset);
}

// The header. A NIfTI-2 file, as CIFTI's are, is told apart first: niftiio speaks on stderr of it.
std::unique_ptr<nifti_image, Free> open_nifti(const std::filesystem::path& path) {
    require_file(path);
    std::int32_t header_size = 0;
    std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(&header_size), sizeof header_size);
    if (header_size == 540) throw BadInput(path.string() + ": a NIfTI-2 or CIFTI file, expected a NIfTI-1 volume");
    nifti_set_debug_level(0);
    std::unique_ptr<nifti_image, Free> image(nifti_image_read(path.c_str(), 0));
    if (!image || image->nx < 1 || image->ny < 1 || image->nz < 1) throw BadInput(path.string() + ": not a NIfTI volume, or cut short", "download it again");
    return image;
}

NiftiGrid grid_of(nifti_image& image) {
    image.nifti_type = NIFTI_FTYPE_NIFTI1_1;
    image.iname_offset = 352;
    const nifti_1_header header = nifti_convert_nim2nhdr(&image);
    return {std::string(reinterpret_cast<const char*>(&header), sizeof header), {image.nx, image.ny, image.nz}};
}

std::string file_bytes(const NiftiGrid& grid, std::int16_t type, std::int16_t bits, std::string_view values, const std::string& text,
                       const std::filesystem::path& name) {
    nifti_1_header header;
    std::memcpy(&header, grid.header.data(), sizeof header);
    header.datatype = type;
    header.bitpix = bits;
    std::memset(header.descrip, 0, sizeof header.descrip);
    text.copy(header.descrip, sizeof header.descrip - 1);
    std::string out(reinterpret_cast<const char*>(&header), sizeof header);
    out.append(4, '\0');  // no extension
    out.append(values);
    return name.extension() == ".gz" ? gzipped(out) : out;
}

template <class T>
std::string_view raw(std::span<const T> values) {
    return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

}  // namespace

Volume read_nifti(const std::filesystem::path& path) {
    const auto image = open_nifti(path);
    if (image->nvox != static_cast<std::size_t>(image->nx) * static_cast<std::size_t>(image->ny) * static_cast<std::size_t>(image->nz))
        throw BadInput(fmt::format("{}: expected a volume of three axes, found {} axes", path.string(), image->ndim));
    Volume out{{image->nx, image->ny, image->nz}, std::vector<float>(image->nvox)};
    const auto bytes = read_values(*image, path.string());
    switch (image->datatype) {
        case DT_UINT8: convert<std::uint8_t>(*image, bytes, out.value); break;
        case DT_INT8: convert<std::int8_t>(*image, bytes, out.value); break;
        case DT_INT16: convert<std::int16_t>(*image, bytes, out.value); break;
        case DT_UINT16: convert<std::uint16_t>(*image, bytes, out.value); break;
        case DT_INT32: convert<std::int32_t>(*image, bytes, out.value); break;
        case DT_INT64: convert<std::int64_t>(*image, bytes, out.value); break;
        case DT_FLOAT32: convert<float>(*image, bytes, out.value); break;
        case DT_FLOAT64: convert<double>(*image, bytes, out.value); break;
        default:
            throw BadInput(fmt::format("{}: values of type {} are not read", path.string(), nifti_datatype_string(image->datatype)));
    }
    return out;
}

NiftiGrid read_nifti_grid(const std::filesystem::path& path) {
    const auto image = open_nifti(path);
    image->ndim = image->dim[0] = 3;
    image->nt = image->nu = image->nv = image->nw = 1;
    for (int axis = 4; axis < 8; ++axis) image->dim[axis] = 1;
    image->nvox = static_cast<std::size_t>(image->nx) * static_cast<std::size_t>(image->ny) * static_cast<std::size_t>(image->nz);
    image->scl_slope = 1;
    image->scl_inter = 0;
    image->cal_min = image->cal_max = 0;
    image->intent_code = NIFTI_INTENT_NONE;
    return grid_of(*image);
}

NiftiGrid new_nifti_grid(const std::array<std::int64_t, 3>& shape, double millimetres) {
    const int dims[8] = {3, static_cast<int>(shape[0]), static_cast<int>(shape[1]), static_cast<int>(shape[2]), 1, 1, 1, 1};
    const std::unique_ptr<nifti_image, Free> image(nifti_make_new_nim(dims, DT_FLOAT32, 0));
    if (!image) throw std::bad_alloc();
    const auto size = static_cast<float>(millimetres);
    image->dx = image->dy = image->dz = size;
    for (int axis = 1; axis <= 3; ++axis) image->pixdim[axis] = size;
    image->sform_code = NIFTI_XFORM_SCANNER_ANAT;
    for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) image->sto_xyz.m[i][j] = i != j ? 0 : i < 3 ? size : 1;
    return grid_of(*image);
}

std::string nifti_bytes(const NiftiGrid& grid, std::span<const float> values, const std::string& text, const std::filesystem::path& name) {
    return file_bytes(grid, DT_FLOAT32, 32, raw(values), text, name);
}

std::string nifti_bytes(const NiftiGrid& grid, std::span<const std::int16_t> values, const std::string& text, const std::filesystem::path& name) {
    return file_bytes(grid, DT_INT16, 16, raw(values), text, name);
}

std::string grid_text(const std::array<std::int64_t, 3>& shape) { return fmt::format("{}x{}x{}", shape[0], shape[1], shape[2]); }

std::string shape_of(const std::array<std::int64_t, 3>& shape) { return fmt::format("{} × {} × {}", shape[0], shape[1], shape[2]); }

}  // namespace cortune::formats
