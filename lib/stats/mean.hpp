// SPDX-License-Identifier: BSD-3-Clause
// The mean of one number an image: how sure it is, and whether it differs from zero or from another one.
#pragma once

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace cortune::stats {

// 2.5th and 97.5th percentile of the mean over images drawn with replacement. Draw b takes stream b of the seed. NaN without
// draws or values.
std::pair<double, double> bootstrap_mean(const std::vector<double>& value, std::int64_t draws, std::uint64_t seed);

// Two-sided p of the mean where signs are exchangeable under the null: exact up to 16 values (its smallest is 2 / 2ⁿ), beyond that
// (1 + beyond) / (1 + flips). NaN without values.
double sign_flip_p(const std::vector<double>& value, std::int64_t flips, std::uint64_t seed);

// Two-sided p of the difference of two means where all values are exchangeable under the null: they are dealt anew.
double exchange_p(const std::vector<double>& a, const std::vector<double>& b, std::int64_t permutations, std::uint64_t seed);

struct MeanTest {
    std::int64_t n = 0;  // finite values; the others are left out
    double mean = std::numeric_limits<double>::quiet_NaN();  // and the rest: NaN without values
    double low = mean, high = mean;                          // 95 %
    double p = mean;                                         // sign flips
};
MeanTest mean_test(std::vector<double> value, std::int64_t draws, std::uint64_t seed);

}  // namespace cortune::stats
