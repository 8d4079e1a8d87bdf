// SPDX-License-Identifier: BSD-3-Clause
// One effect measured in several subjects, combined: does it hold for subjects in general?
#pragma once

#include <cstdint>
#include <vector>

namespace cortune::stats {

struct GroupTest {
    double mean;               // unweighted, over subjects
    double sign_flip_p;        // two-sided: signs of the subjects' effects are exchangeable under the null
    double estimate;           // of the random-effects model, inverse-variance weights
    double low, high;          // its 95 % interval (normal)
    double between;            // τ: standard deviation between subjects
    double heterogeneity;      // I²: share of the variance that is between subjects, 0 … 1
};

// effect, error: per subject, its standard error beside it (not negative; NaN: unknown, and
// then without weight in the model). The sign-flip test is
// exact up to 16 subjects (its smallest p is 2 / 2ⁿ), beyond that from `flips` random ones. The
// random-effects model is DerSimonian & Laird's (1986): with few subjects its interval is
// rather narrow, which is why p is not taken from it. One subject: mean alone, the rest NaN.
GroupTest group_test(const std::vector<double>& effect, const std::vector<double>& error,
                     std::int64_t flips = 100000, std::uint64_t seed = 0);

// Of a value with this 95 % interval, were it normal.
double standard_error(double low, double high);

}  // namespace cortune::stats
