// SPDX-License-Identifier: BSD-3-Clause
#include "stats/group.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "stats/mean.hpp"

namespace cortune::stats {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
constexpr double normal_95 = 1.959963984540054;

double sum_of(const std::vector<double>& values) {
    double sum = 0;
    for (const double v : values) sum += v;
    return sum;
}

// DerSimonian & Laird 1986. Errors of zero would take all the weight: they get the least other.
// What has no error has no weight.
void random_effects(std::vector<double> effect, std::vector<double> error, GroupTest& out) {
    for (std::size_t i = error.size(); i-- > 0;)
        if (!std::isfinite(error[i])) error.erase(error.begin() + static_cast<std::ptrdiff_t>(i)), effect.erase(effect.begin() + static_cast<std::ptrdiff_t>(i));
    if (effect.size() < 2) return;
    double least = std::numeric_limits<double>::infinity();
    for (const double e : error)
        if (e > 0) least = std::min(least, e);
    if (!std::isfinite(least)) return;
    for (double& e : error) e = e > 0 ? e : least;
    const std::size_t n = effect.size();
    double w = 0, ww = 0, wx = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const double weight = 1 / (error[i] * error[i]);
        w += weight, ww += weight * weight, wx += weight * effect[i];
    }
    double q = 0;
    for (std::size_t i = 0; i < n; ++i) q += (effect[i] - wx / w) * (effect[i] - wx / w) / (error[i] * error[i]);
    const double freedom = static_cast<double>(n) - 1;
    const double variance = std::max(0.0, (q - freedom) / (w - ww / w));
    double total = 0, weighted = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const double weight = 1 / (error[i] * error[i] + variance);
        total += weight, weighted += weight * effect[i];
    }
    out.estimate = weighted / total;
    out.low = out.estimate - normal_95 / std::sqrt(total);
    out.high = out.estimate + normal_95 / std::sqrt(total);
    out.between = std::sqrt(variance);
    out.heterogeneity = q > 0 ? std::max(0.0, (q - freedom) / q) : 0;
}

}  // namespace

GroupTest group_test(const std::vector<double>& effect, const std::vector<double>& error, std::int64_t flips,
                     std::uint64_t seed) {
    if (effect.size() != error.size()) throw std::logic_error("group_test: an error per effect");
    GroupTest out{unknown, unknown, unknown, unknown, unknown, unknown, unknown};
    if (effect.empty()) return out;
    out.mean = sum_of(effect) / static_cast<double>(effect.size());
    if (effect.size() < 2) return out;
    out.sign_flip_p = sign_flip_p(effect, flips, seed);
    random_effects(effect, error, out);
    return out;
}

double standard_error(double low, double high) { return (high - low) / (2 * normal_95); }

}  // namespace cortune::stats
