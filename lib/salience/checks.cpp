// SPDX-License-Identifier: BSD-3-Clause
#include "salience/checks.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <numeric>

#include "core/random.hpp"
#include "stats/correlation.hpp"

namespace cortune::salience {
namespace {

Eigen::VectorXd mean_ranks(const float* value, std::int64_t n) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](auto i, auto j) { return value[i] < value[j]; });
    Eigen::VectorXd rank(n);
    for (std::size_t first = 0; first < order.size();) {
        std::size_t end = first;
        while (end < order.size() && value[order[end]] == value[order[first]]) ++end;
        for (std::size_t k = first; k < end; ++k) rank(order[k]) = .5 * static_cast<double>(first + end - 1);
        first = end;
    }
    return rank;
}

}  // namespace

double rank_correlation(const float* a, const float* b, std::int64_t values) { return stats::pearson(mean_ranks(a, values), mean_ranks(b, values)); }

std::vector<std::int64_t> places_by_value(const float* map, std::int64_t values, std::uint64_t seed, std::uint64_t stream) {
    auto order = Rng(seed, stream).permutation(values);
    std::stable_sort(order.begin(), order.end(), [&](auto i, auto j) { return map[i] > map[j]; });
    std::vector<std::int64_t> place(order.size());
    for (std::size_t k = 0; k < order.size(); ++k) place[static_cast<std::size_t>(order[k])] = static_cast<std::int64_t>(k);
    return place;
}

double area(const double* curve, std::int64_t points) {
    double sum = 0;
    for (std::int64_t k = 0; k + 1 < points; ++k) sum += .5 * (curve[k] + curve[k + 1]);
    return sum / static_cast<double>(points - 1);
}

}  // namespace cortune::salience
