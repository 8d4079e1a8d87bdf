// SPDX-License-Identifier: BSD-3-Clause
// What the early areas see of a picture: maps of oriented-filter outputs, colour
// opponents and their combinations, all on one coarse grid.
#pragma once

#include <vector>

#include "images/image.hpp"

namespace cortune::datasets::simulate {

inline constexpr int map_size = 32;                 // maps are map_size × map_size
inline constexpr int scales = 3, orientations = 6;  // finest scale first
inline constexpr double cycles_per_image[scales] = {64 / 4.5, 32 / 4.5, 16 / 4.5};

// Channels, in order: energy (scale, orientation), rectified linear (scale,
// orientation), colour (red, green, blue, yellow), then products of energies:
// corners at one scale (60° apart, 90° apart) and contours across scales.
inline constexpr int energy_channel = 0;
inline constexpr int linear_channel = energy_channel + scales * orientations;
inline constexpr int colour_channel = linear_channel + scales * orientations;
inline constexpr int corner_channel = colour_channel + 4;
inline constexpr int corners_per_scale = 9;
inline constexpr int contour_channel = corner_channel + scales * corners_per_scale;
inline constexpr int channels = contour_channel + 12;

struct FeatureMaps {
    std::vector<float> value;  // channels × map_size × map_size
    const float* channel(int c) const {
        return &value[static_cast<std::size_t>(c) * map_size * map_size];
    }
};

// Gabor filters (complex, separable: isotropic Gaussian envelope of 0.45 wavelengths)
// on a pyramid of 64, 32 and 16 pixels; energies (squared amplitudes) are divided by
// their local mean over orientations plus a constant (Heeger 1992).
FeatureMaps feature_maps(const images::Image& picture);

}  // namespace cortune::datasets::simulate
