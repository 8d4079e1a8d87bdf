// SPDX-License-Identifier: BSD-3-Clause
// NIfTI-1 volumes (.nii, .nii.gz).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace cortune::datasets::nsd {

struct Volume {
    std::array<std::int64_t, 3> shape{};  // X, Y, Z
    std::vector<float> value;             // X fastest, scaled as the header says
};

// Throws BadInput for what is no NIfTI volume of three axes, or is cut short.
Volume read_nifti(const std::filesystem::path& path);

// Writes int16 or, where `whole` is false, float32 values with cubic voxels of that size in
// millimetres; gzipped where the name ends in .gz. Throws OutputError.
void write_nifti(const std::filesystem::path& path, const Volume& volume, bool whole, double millimetres);

// "81 × 104 × 83"
std::string shape_of(const std::array<std::int64_t, 3>& shape);

}  // namespace cortune::datasets::nsd
