// SPDX-License-Identifier: BSD-3-Clause
// Small pieces of inference that several tests share.
#pragma once

#include <cstdint>
#include <vector>

namespace cortune::stats {

// Exact two-sided binomial test of `successes` in `trials` against one half: the
// probability of an outcome no likelier than the one seen. NaN without trials.
double binomial_p(std::int64_t successes, std::int64_t trials);

// Benjamini & Hochberg's (1995) adjusted p values: the false discovery rate at which each
// would be called. NaN stays NaN and does not count among the tests.
std::vector<double> benjamini_hochberg(const std::vector<double>& p);

}  // namespace cortune::stats
