// SPDX-License-Identifier: BSD-3-Clause
// Means over regions of what a model gains in each. Images are resampled, the same ones in all regions, so
// that what regions share, noise of the images above all, is kept in interval and p.
#pragma once

#include <cstdint>
#include <vector>

#include "stats/paired.hpp"

namespace cortune::encode {

// Sets of regions that means are taken over: all that are compared, and those that Regions::group calls so.
inline constexpr const char* region_sets[] = {"all", "early", "higher"};

// Gain in one region or the mean over several, and of every resample.
struct RegionGain {
    double gain = 0;    // difference of mean r
    double excess = 0;  // share of voxels that gain minus share that lose
    std::vector<double> permuted, resampled, permuted_excess;  // as PairedTest's; longest there is
};

RegionGain gain_of(const stats::PairedTest& test);
// Unweighted; of one or more.
RegionGain mean_gain(const std::vector<RegionGain>& regions);

struct GainTest {
    double gain, low, high, p;       // 95 % bootstrap interval, two-sided permutation p
    double share_improved, share_p;  // of voxels, with the two-sided p of |share − ½|
};
GainTest test_gain(const RegionGain& gain);

// The same of networks that differ in their seed: values and ends of intervals averaged (the images are the same, so
// that seeds do not narrow them); p is twice the mean, at most 1, which is valid however they depend on one another
// (Rüschendorf 1982). One or more.
GainTest mean_over_seeds(const std::vector<GainTest>& seeds);

// a − b of regions, on the same draws: no p, since an exchange with the untuned network is no null hypothesis of it.
GainTest test_difference(const RegionGain& a, const RegionGain& b);

}  // namespace cortune::encode
