// SPDX-License-Identifier: BSD-3-Clause
#include "encode/region_mean.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace cortune::encode {
namespace {

void add(std::vector<double>& to, const std::vector<double>& values, double factor) {
    to.resize(std::max(to.size(), values.size()), 0);
    for (std::size_t i = 0; i < values.size(); ++i) to[i] += factor * values[i];
}

// (1 + #{|draw| ≥ |found|}) / (1 + draws); sums in another order are equal.
double two_sided(const std::vector<double>& draws, double found) {
    constexpr double tie = 1e-10;
    const auto beyond = std::count_if(draws.begin(), draws.end(), [&](double d) { return !(std::abs(d) < std::abs(found) - tie); });
    return (1 + static_cast<double>(beyond)) / (1 + static_cast<double>(draws.size()));
}

}  // namespace

RegionGain gain_of(const stats::PairedTest& test) {
    return {test.difference, test.excess, test.permuted, test.resampled, test.permuted_excess};
}

RegionGain mean_gain(const std::vector<RegionGain>& regions) {
    RegionGain out;
    const double each = 1 / static_cast<double>(regions.size());
    for (const RegionGain& r : regions) {
        out.gain += each * r.gain;
        out.excess += each * r.excess;
        add(out.permuted, r.permuted, each);
        add(out.resampled, r.resampled, each);
        add(out.permuted_excess, r.permuted_excess, each);
    }
    return out;
}

GainTest test_gain(const RegionGain& g) {
    GainTest out{};
    out.gain = g.gain;
    out.share_improved = (1 + g.excess) / 2;
    out.p = two_sided(g.permuted, g.gain);
    out.share_p = two_sided(g.permuted_excess, g.excess);
    std::tie(out.low, out.high) = stats::interval(g.resampled);
    return out;
}

GainTest mean_over_seeds(const std::vector<GainTest>& seeds) {
    if (seeds.size() == 1) return seeds[0];
    GainTest out{};
    const double each = 1 / static_cast<double>(seeds.size());
    for (const auto of : {&GainTest::gain, &GainTest::low, &GainTest::high, &GainTest::share_improved, &GainTest::p, &GainTest::share_p})
        for (const GainTest& t : seeds) out.*of += each * t.*of;
    out.p = std::min(1.0, 2 * out.p);
    out.share_p = std::min(1.0, 2 * out.share_p);
    return out;
}

GainTest test_difference(const RegionGain& a, const RegionGain& b) {
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    GainTest out{a.gain - b.gain, unknown, unknown, unknown, (a.excess - b.excess) / 2, unknown};
    std::vector<double> draws = a.resampled;
    if (a.resampled.size() != b.resampled.size()) return out;
    add(draws, b.resampled, -1);
    std::tie(out.low, out.high) = stats::interval(draws);
    return out;
}

}  // namespace cortune::encode
