// SPDX-License-Identifier: BSD-3-Clause
// A picture and its salience map as one figure.
#pragma once

#include <cstdint>
#include <string>

#include "images/image.hpp"

namespace cortune::report {

// The picture in grey with the map over it, from 0 to its largest value (1 where it has none) in viridis; what is below 0 shows as 0.
// rgb: size × size × 3; map: size × size.
images::Image overlay(const std::uint8_t* rgb, const float* map, std::int64_t size);
// What its colours mean, from 0 on the left to the largest value.
images::Image colour_bar(int width, int height);

// PNG: the picture, and beside it the overlay with its colour bar.
std::string overlay_png(const std::uint8_t* rgb, const float* map, std::int64_t size, const std::string& title);

}  // namespace cortune::report
