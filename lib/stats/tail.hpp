// SPDX-License-Identifier: BSD-3-Clause
// p values of permutation tests, also where they are smaller than the draws can count.
#pragma once

#include <cstdint>

namespace cortune::stats {

// What the draws of a statistic under the null hypothesis say of its distribution.
struct NullMoments {
    double mean = 0, variance = 0;
    double skewness = 0, kurtosis = 0;  // the latter in excess of the normal distribution's
};

// beyond: of `draws` draws those at least as extreme as `observed`: p = (1 + beyond) / (1 + draws) (Phipson &
// Smyth 2010). Where there is none that says only that p is small, and no correction for thousands of voxels
// could ever call one significant. There, if the draws look nearly normal (|skewness| at most .5, excess
// kurtosis at most 1), p is the tail of a Student t with their mean, variance and kurtosis, the latter
// one standard error above what was found (approximating the tail by moments of the draws: Winkler et al.
// 2016, "Faster permutation inference in brain imaging"); never above 1 / (1 + draws). Else, as where a unit answers
// to a few images alone, what was counted stands. sides: 1 (upper tail) or 2. At least 100 draws.
double permutation_p(std::int64_t beyond, std::int64_t draws, double observed, const NullMoments& null, int sides);

}  // namespace cortune::stats
