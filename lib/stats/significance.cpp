// SPDX-License-Identifier: BSD-3-Clause
#include "stats/significance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cortune::stats {

double binomial_p(std::int64_t successes, std::int64_t trials) {
    if (trials <= 0) return std::numeric_limits<double>::quiet_NaN();
    // At one half the distribution is symmetric: twice the smaller tail.
    const std::int64_t tail = std::min(successes, trials - successes);
    if (2 * tail == trials) return 1;
    const auto n = static_cast<double>(trials);
    double sum = 0;
    for (std::int64_t k = 0; k <= tail; ++k) {
        const auto x = static_cast<double>(k);
        sum += std::exp(std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1) - n * std::log(2.0));
    }
    return std::min(1.0, 2 * sum);
}

std::vector<double> benjamini_hochberg(const std::vector<double>& p) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < p.size(); ++i)
        if (!std::isnan(p[i])) order.push_back(i);
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return p[a] < p[b]; });
    std::vector<double> out(p.size(), std::numeric_limits<double>::quiet_NaN());
    double least = 1;
    const auto tests = static_cast<double>(order.size());
    for (std::size_t rank = order.size(); rank-- > 0;) {
        least = std::min(least, p[order[rank]] * tests / static_cast<double>(rank + 1));
        out[order[rank]] = least;
    }
    return out;
}

}  // namespace cortune::stats
