// SPDX-License-Identifier: BSD-3-Clause
#include "surface/nifti_file.hpp"

#include <fmt/format.h>
#include <nifti1_io.h>

#include <cstring>
#include <memory>

#include "core/error.hpp"
#include "core/gzip.hpp"
#include "core/output_file.hpp"
#include "datasets/foreign.hpp"

namespace cortune::surface {
namespace {

struct Free {
    void operator()(nifti_image* image) const { nifti_image_free(image); }
};

}  // namespace

NiftiReference::NiftiReference(const std::filesystem::path& path) {
    nifti_set_debug_level(0);
    datasets::require_file(path);
    const std::unique_ptr<nifti_image, Free> image(nifti_image_read(path.c_str(), 0));
    if (!image || image->nx < 1 || image->ny < 1 || image->nz < 1) throw BadInput(path.string() + ": not a NIfTI volume");
    // Its first volume's grid, with values of ours.
    image->ndim = image->dim[0] = 3;
    image->nt = image->nu = image->nv = image->nw = 1;
    for (int axis = 4; axis < 8; ++axis) image->dim[axis] = 1;
    grid_ = fmt::format("{}x{}x{}", image->nx, image->ny, image->nz);
    voxels_ = std::int64_t{image->nx} * image->ny * image->nz;
    image->nvox = static_cast<std::size_t>(voxels_);
    image->datatype = DT_FLOAT32;
    image->nbyper = 4;
    image->swapsize = 4;
    image->scl_slope = 1;
    image->scl_inter = 0;
    image->cal_min = image->cal_max = 0;
    image->intent_code = NIFTI_INTENT_NONE;
    image->nifti_type = NIFTI_FTYPE_NIFTI1_1;
    image->iname_offset = 352;
    const nifti_1_header header = nifti_convert_nim2nhdr(image.get());
    header_.assign(reinterpret_cast<const char*>(&header), sizeof header);
}

void NiftiReference::write(const std::filesystem::path& path, const VertexMap& map, bool overwrite) const {
    nifti_1_header header;
    std::memcpy(&header, header_.data(), sizeof header);
    std::memset(header.descrip, 0, sizeof header.descrip);
    map.name.copy(header.descrip, sizeof header.descrip - 1);
    std::string out(reinterpret_cast<const char*>(&header), sizeof header);
    out.append(4, '\0');  // no extension
    out.append(reinterpret_cast<const char*>(map.value.data()), map.value.size() * sizeof(float));
    write_bytes(path, {path.extension() == ".gz" ? gzipped(out) : out}, {.overwrite = overwrite});
}

}  // namespace cortune::surface
