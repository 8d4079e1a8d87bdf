// SPDX-License-Identifier: BSD-3-Clause
// NIfTI-1 volumes (.nii, .nii.gz).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace cortune::formats {

struct Volume {
    std::array<std::int64_t, 3> shape{};  // X, Y, Z
    std::vector<float> value;             // X fastest, scaled as the header says
};

// Throws BadInput for what is no NIfTI-1 volume of three axes, or is cut short.
Volume read_nifti(const std::filesystem::path& path);

// Grid and orientation of a volume, without values.
struct NiftiGrid {
    std::string header;  // 348 bytes
    std::array<std::int64_t, 3> shape{};
    std::int64_t voxels() const { return shape[0] * shape[1] * shape[2]; }
};

// Those of a file's first volume. Throws BadInput as read_nifti.
NiftiGrid read_nifti_grid(const std::filesystem::path& path);
// Cubic voxels of that size, axes as they are.
NiftiGrid new_nifti_grid(const std::array<std::int64_t, 3>& shape, double millimetres);

// A whole file, X fastest, gzipped where `name` ends in .gz; the same bytes for the same
// values. `text` goes into the header's description.
std::string nifti_bytes(const NiftiGrid& grid, std::span<const float> values, const std::string& text, const std::filesystem::path& name);
std::string nifti_bytes(const NiftiGrid& grid, std::span<const std::int16_t> values, const std::string& text, const std::filesystem::path& name);

// "81x104x83", as a data set's space names its volume.
std::string grid_text(const std::array<std::int64_t, 3>& shape);
// "81 × 104 × 83"
std::string shape_of(const std::array<std::int64_t, 3>& shape);

}  // namespace cortune::formats
