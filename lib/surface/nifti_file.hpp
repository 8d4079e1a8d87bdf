// SPDX-License-Identifier: BSD-3-Clause
// NIfTI-1 volumes that AFNI, FSL, SPM, nilearn and FreeView open.
#pragma once

#include <filesystem>

#include "surface/vertex_map.hpp"

namespace cortune::surface {

// The grid and orientation of another volume, read from its header. Throws BadInput where it
// is no NIfTI volume of three axes.
class NiftiReference {
  public:
    explicit NiftiReference(const std::filesystem::path& path);
    std::int64_t voxels() const { return voxels_; }
    const std::string& grid() const { return grid_; }  // "81x104x83", as a data set's space has it
    // Float32 on that grid; gzipped where the name ends in .gz. The same bytes for the same values.
    void write(const std::filesystem::path& path, const VertexMap& map, bool overwrite) const;

  private:
    std::string header_, grid_;  // 348 bytes
    std::int64_t voxels_ = 0;
};

}  // namespace cortune::surface
