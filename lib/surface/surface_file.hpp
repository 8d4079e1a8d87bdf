// SPDX-License-Identifier: BSD-3-Clause
// Surface files that FreeSurfer, Connectome Workbench, nilearn and pycortex open.
#pragma once

#include <filesystem>

#include "surface/vertex_map.hpp"

namespace cortune::surface {

// GIFTI functional data: one float32 array, gzip and base64, AnatomicalStructurePrimary
// CortexLeft or CortexRight, the quantity as its name. (Format: GIFTI 1.0.)
void write_gifti(const std::filesystem::path& path, const VertexMap& map, bool overwrite);

// FreeSurfer's MGH: big-endian float32, vertices × 1 × 1 × 1. (Format: FreeSurfer wiki, MghFormat.)
void write_mgh(const std::filesystem::path& path, const VertexMap& map, bool overwrite);

}  // namespace cortune::surface
