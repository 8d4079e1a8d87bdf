// SPDX-License-Identifier: BSD-3-Clause
// Where in the picture a voxel's predicted response comes from, and how well that tells its receptive field.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cortune::salience {

// Positions in picture widths from the upper left corner, x rightward, y downward.
struct FieldCentre {
    double x, y, spread;  // spread: root mean square distance from the centre, over √2: the sigma of a Gaussian. NaN of an empty map
};

// Of what lies above half of the map's largest value: the rest is everywhere a little, and would draw every centre to the picture's.
FieldCentre field_centre(const float* map, std::int64_t size);

struct FieldRegion {
    std::string hemisphere, roi_class, roi, layer;
    std::vector<std::int32_t> column;    // V
    std::vector<float> cv_r;             // V
    std::vector<float> map;              // V × size × size
    std::vector<FieldCentre> centre;     // V
    std::vector<double> true_x, true_y;  // V; empty: not known
};

// Known centres of a hemisphere's fields, a row a column of the data set's responses.
struct TrueFields {
    std::string hemisphere;
    std::vector<double> x, y;
};

// Agreement with the truth.
struct FieldScores {
    std::string hemisphere, roi_class, roi;  // "all" of them for the last row
    std::int64_t voxels = 0, compared = 0;   // mapped; with a centre and a known one
    double mean_x = 0, mean_y = 0;           // of all
    double r_x = 0, r_x_low = 0, r_x_high = 0, r_y = 0, r_y_low = 0, r_y_high = 0;  // Pearson, 95 % by drawing voxels, which share pictures: rather narrow; NaN where not known
    double same_half = 0;                    // share of voxels whose centre is in the half where the true one is
    double distance = 0;                     // median distance between them, picture widths
};
// A row a region and one of all.
std::vector<FieldScores> score_fields(const std::vector<FieldRegion>& regions, std::uint64_t seed);

}  // namespace cortune::salience
