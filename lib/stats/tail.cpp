// SPDX-License-Identifier: BSD-3-Clause
#include "stats/tail.hpp"

#include <algorithm>
#include <cmath>
#include <unsupported/Eigen/SpecialFunctions>

namespace cortune::stats {
namespace {

constexpr std::int64_t least_draws = 100;
// Beyond these a null distribution is not near enough to a normal one for its tail to be told from moments.
constexpr double most_skewness = .5, most_kurtosis = 1;

// P(T > t) for t > 0.
double student_tail(double t, double freedom) { return Eigen::numext::betainc(freedom / 2, .5, freedom / (freedom + t * t)) / 2; }

}  // namespace

double permutation_p(std::int64_t beyond, std::int64_t draws, double observed, const NullMoments& null, int sides) {
    const auto n = static_cast<double>(draws);
    const double counted = (1 + static_cast<double>(beyond)) / (1 + n);
    if (beyond > 0 || draws < least_draws || !(null.variance > 0) || !(std::abs(null.skewness) <= most_skewness) || !(null.kurtosis <= most_kurtosis)) return counted;
    // A t of ν degrees has excess kurtosis 6 / (ν − 4) and variance ν / (ν − 2).
    const double kurtosis = std::max(0.0, null.kurtosis) + std::sqrt(24 / n);
    const double freedom = 4 + 6 / kurtosis;
    const double distance = sides == 2 ? std::abs(observed - null.mean) : observed - null.mean;
    const double t = distance / std::sqrt(null.variance) * std::sqrt(freedom / (freedom - 2));
    if (!(t > 0)) return counted;
    return std::min(sides * student_tail(t, freedom), counted);
}

}  // namespace cortune::stats
