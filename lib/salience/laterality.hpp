// SPDX-License-Identifier: BSD-3-Clause
// Which half of its pictures a map lies in.
#pragma once

#include <cstdint>
#include <vector>

namespace cortune::salience {

// Outer edges of the bands of eccentricity: distance from the picture's centre over half its side. The last one has the corners, too.
inline const std::vector<double> band_edges = {.25, .5, .75, 1};

struct Laterality {
    double index;              // (L − R) / (L + R) of the map's positive mass in the left and the right half; NaN without mass
    std::vector<double> band;  // the same inside each band
};

// map: size × size, rows from the top. The middle column of an odd size is in neither half.
Laterality laterality(const float* map, std::int64_t size);

}  // namespace cortune::salience
