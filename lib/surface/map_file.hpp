// SPDX-License-Identifier: BSD-3-Clause
// Maps as the files that FreeSurfer, Connectome Workbench, AFNI, FSL, nilearn and pycortex open.
#pragma once

#include <filesystem>
#include <vector>

#include "formats/cifti.hpp"
#include "formats/nifti.hpp"
#include "surface/vertex_map.hpp"

namespace cortune::surface {

// All write a file as core/output_file.hpp does and throw OutputError.
void write_gifti(const std::filesystem::path& path, const VertexMap& map, bool overwrite);
void write_mgh(const std::filesystem::path& path, const VertexMap& map, bool overwrite);
// On the grid of another volume.
void write_nifti(const std::filesystem::path& path, const VertexMap& map, const formats::NiftiGrid& grid, bool overwrite);
// On the cortex of another file, both hemispheres; one that is not among `maps` is NaN.
void write_cifti(const std::filesystem::path& path, const std::vector<VertexMap>& maps, const formats::CiftiFile& reference, bool overwrite);

}  // namespace cortune::surface
