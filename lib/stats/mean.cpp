// SPDX-License-Identifier: BSD-3-Clause
#include "stats/mean.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include "core/random.hpp"
#include "stats/paired.hpp"

namespace cortune::stats {
namespace {

constexpr std::size_t exact_up_to = 16;

double sum_of_values(const std::vector<double>& value) { return std::accumulate(value.begin(), value.end(), 0.); }

// Sums of the same values in another order are equal.
double slack(const std::vector<double>& value) {
    double scale = 0;
    for (const double v : value) scale += std::abs(v);
    return 1e-12 * scale;
}

double share_beyond(std::int64_t beyond, std::int64_t draws) { return (1. + static_cast<double>(beyond)) / (1. + static_cast<double>(draws)); }

}  // namespace

std::pair<double, double> bootstrap_mean(const std::vector<double>& value, std::int64_t draws, std::uint64_t seed) {
    std::vector<double> mean;
    for (std::int64_t b = 0; b < draws && !value.empty(); ++b) {
        Rng rng(seed, static_cast<std::uint64_t>(b));
        double sum = 0;
        for (std::size_t i = 0; i < value.size(); ++i) sum += value[rng.below(value.size())];
        mean.push_back(sum / static_cast<double>(value.size()));
    }
    return interval(std::move(mean));
}

double sign_flip_p(const std::vector<double>& value, std::int64_t flips, std::uint64_t seed) {
    if (value.empty()) return std::numeric_limits<double>::quiet_NaN();
    const std::size_t n = value.size();
    const double limit = std::abs(sum_of_values(value)) - slack(value);
    const auto flipped = [&](auto minus) {
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) sum += minus(i) ? -value[i] : value[i];
        return std::abs(sum) >= limit;
    };
    std::int64_t beyond = 0;
    if (n <= exact_up_to) {
        const std::uint64_t all = std::uint64_t{1} << n;
        for (std::uint64_t mask = 0; mask < all; ++mask) beyond += flipped([&](std::size_t i) { return (mask >> i & 1) != 0; });
        return static_cast<double>(beyond) / static_cast<double>(all);
    }
    Rng rng(seed);
    for (std::int64_t k = 0; k < flips; ++k) beyond += flipped([&](std::size_t) { return (rng() >> 63) != 0; });
    return share_beyond(beyond, flips);
}

double exchange_p(const std::vector<double>& a, const std::vector<double>& b, std::int64_t permutations, std::uint64_t seed) {
    if (a.empty() || b.empty()) return std::numeric_limits<double>::quiet_NaN();
    std::vector<double> all = a;
    all.insert(all.end(), b.begin(), b.end());
    const double total = sum_of_values(all), na = static_cast<double>(a.size()), nb = static_cast<double>(b.size());
    const auto difference = [&](double sum_a) { return std::abs(sum_a / na - (total - sum_a) / nb); };
    const double limit = difference(sum_of_values(a)) - slack(all) * (1 / na + 1 / nb);
    std::int64_t beyond = 0;
    for (std::int64_t k = 0; k < permutations; ++k) {
        Rng rng(seed, static_cast<std::uint64_t>(k));
        double sum = 0;
        // The first values of a shuffle are a's.
        for (std::size_t i = 0; i < a.size(); ++i) {
            std::swap(all[i], all[i + rng.below(all.size() - i)]);
            sum += all[i];
        }
        beyond += difference(sum) >= limit;
    }
    return share_beyond(beyond, permutations);
}

MeanTest mean_test(std::vector<double> value, std::int64_t draws, std::uint64_t seed) {
    std::erase_if(value, [](double v) { return !std::isfinite(v); });
    const auto [low, high] = bootstrap_mean(value, draws, seed);
    const auto n = static_cast<std::int64_t>(value.size());
    return {n, n > 0 ? sum_of_values(value) / static_cast<double>(n) : std::numeric_limits<double>::quiet_NaN(), low, high, sign_flip_p(value, draws, seed)};
}

}  // namespace cortune::stats
