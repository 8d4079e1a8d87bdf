// SPDX-License-Identifier: BSD-3-Clause
// p values of permutation tests, also where they are smaller than the draws can count.
#pragma once

#include <cstdint>

namespace cortune::stats {

// What the draws of a statistic under the null hypothesis say of its distribution.
struct NullMoments {
    double mean = 0, variance = 0;
    double kurtosis = 0;  // excess, of the draws
};

// beyond: of `draws` draws those at least as extreme as `observed`. With ten or more of them
// (1 + beyond) / (1 + draws) (Phipson & Smyth 2010). With fewer the count says little, and
// no correction for many voxels could ever call anything significant: the tail of a Student t with the
// draws' mean, variance and kurtosis takes its place (moments as in Winkler et al. 2016, "Faster
// permutation inference in brain imaging"; their distribution is symmetric here, so that the fourth stands in
// for the third), with the kurtosis one standard error above what was found: rather too large a p than
// too small a one. Never above 11 / (1 + draws). sides: 1 (upper tail) or 2. The first formula where the
// moments are not finite or there are fewer than 100 draws.
double permutation_p(std::int64_t beyond, std::int64_t draws, double observed, const NullMoments& null, int sides);

}  // namespace cortune::stats
