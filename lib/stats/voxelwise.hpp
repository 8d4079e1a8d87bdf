// SPDX-License-Identifier: BSD-3-Clause
// How sure the encoding accuracy of each voxel is: a bootstrap interval of r over images, and
// a permutation test of whether predictions and responses have anything to do with each other.
//
// Images of one run share its slow noise and the mean and deviation that were taken off it, so
// under the null they may change places among themselves alone: a permutation stays inside runs
// (exchangeability blocks; Winkler et al. 2014, Neuroimage 92).
//
// The bootstrap is one matrix product (resamples × images by images × sums, as in paired.hpp).
// A permutation needs one number a voxel, Σ p y∘π, which is a gather; voxels go side by side
// in vector registers, so that it runs at the speed of the caches. Both in float32 on values
// of mean 0 and variance 1, which keeps r within about 1e-5.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "stats/paired.hpp"

namespace cortune::stats {

struct VoxelTest {
    std::vector<float> low, high;  // 2.5th and 97.5th percentile of the bootstrap; NaN without
    std::vector<double> p;         // one-sided, of the permuted r* (tail.hpp)
    double mean_low, mean_high;    // the same percentiles of the mean r over the voxels that have one
};

// prediction, response: images × voxels. groups: rows of each group (fold); r is the mean over
// groups, and images are resampled inside them. run: of every row, or empty for one run; equal
// numbers are one run. Columns that are constant in a group or not
// finite have NaN everywhere; draws in which nothing varies do not count. All permutations and
// draws are held at once: images × (permutations + bootstraps) × 4 bytes. Equal results for any
// number of threads.
VoxelTest voxel_test(const Eigen::MatrixXf& prediction, const Eigen::MatrixXf& response,
                     const std::vector<std::vector<Eigen::Index>>& groups, const std::vector<std::int32_t>& run,
                     const ResampleOptions& options);

}  // namespace cortune::stats
