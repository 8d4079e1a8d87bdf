// SPDX-License-Identifier: BSD-3-Clause
// Whether a map says anything of the network that it was made with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cortune::salience {

// Spearman's: Pearson's correlation of ranks, equal values at their mean rank. NaN where a map is constant.
double rank_correlation(const float* a, const float* b, std::int64_t values);

// Of every value its place when they are sorted from the highest down; equal ones in the order that the seed draws.
std::vector<std::int64_t> places_by_value(const float* map, std::int64_t values, std::uint64_t seed, std::uint64_t stream);

// Area under a curve of equal steps over [0, 1], by trapezoids.
double area(const double* curve, std::int64_t points);

// Of every picture, where they were asked for (salience-map --checks).
struct Checks {
    std::int64_t steps = 0;                     // of the curves, which have a point more
    std::vector<double> randomised;             // rank correlation with the map of the network with shuffled weights; NaN where either is constant
    std::vector<double> deletion, insertion;    // images × (steps + 1): the score when the first k shares are gone, or there alone
    std::vector<double> deletion_area, insertion_area;
    // Of pixels in the order of the mean of the other pictures' maps: what maps have in common whatever the picture. NaN of one picture.
    std::vector<double> common_deletion_area, common_insertion_area;
};

}  // namespace cortune::salience
