// SPDX-License-Identifier: BSD-3-Clause
// CIFTI-2 dense scalars (.dscalar.nii) that Connectome Workbench and nilearn open.
#pragma once

#include <filesystem>
#include <vector>

#include "datasets/nod/cifti.hpp"
#include "surface/vertex_map.hpp"

namespace cortune::surface {

// One map on the cortex of `reference`, vertices of both hemispheres; a hemisphere that is
// not among `maps` is NaN. Throws OutputError.
void write_cifti(const std::filesystem::path& path, const std::vector<VertexMap>& maps, const datasets::nod::CiftiFile& reference, bool overwrite);

}  // namespace cortune::surface
