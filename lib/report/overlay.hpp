// SPDX-License-Identifier: BSD-3-Clause
// A picture and its salience map as one figure.
#pragma once

#include <cstdint>
#include <string>

namespace cortune::report {

// PNG: the picture, and the map over it in viridis with its colour bar, from 0 to the map's largest value (1 where it has
// none); what is below 0 shows as 0. rgb: size × size × 3; map: size × size.
std::string overlay_png(const std::uint8_t* rgb, const float* map, std::int64_t size, const std::string& title);

}  // namespace cortune::report
