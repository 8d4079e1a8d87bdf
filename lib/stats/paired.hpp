// SPDX-License-Identifier: BSD-3-Clause
// Whether one model predicts a region better than another: the difference of their
// correlations, over the region's voxels and for each of them, and the share of voxels that
// gain, with permutation tests and bootstrap intervals.
//
// Both resample images, never voxels: voxels of a region share their noise, so treating
// them as independent would call any difference significant. r of a voxel in a group of
// images needs Σp, Σp², Σpy, Σy, Σy². Under an exchange of the models' predictions for a set
// of images these sums are linear in the set's indicator, and under a bootstrap in the
// counts, so all resamples together are one matrix product (resamples × images by
// images × voxels). Where images are in groups (folds), r is the mean over groups, and
// bootstrap samples are drawn inside each group. A draw in which a voxel does not vary says
// nothing of it; means over voxels are of the others.
//
// Resample i draws from stream i of the seed, blocks of resamples have a fixed size and
// each product runs on one thread: results do not depend on the number of threads.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <utility>
#include <vector>

namespace cortune::stats {

struct ResampleOptions {
    std::int64_t permutations = 1000;
    std::int64_t bootstraps = 1000;
    std::uint64_t seed = 0;
    int threads = 1;
};

struct PairedTest {
    double difference;           // mean over voxels of r(model) − r(reference)
    double p;                    // two-sided: (1 + #{|d*| ≥ |d|}) / (1 + permutations)
    double low, high;            // 2.5th and 97.5th percentile of the bootstrap; NaN without
    double effect;               // difference / its standard deviation over voxels (Cohen's d_z)
    double effect_low, effect_high;  // 95 %, from a jackknife over images in 50 parts: rather too wide than too narrow
    double share_improved;       // of voxels with a higher r
    double share_p;              // two-sided, of |share − ½| under the same exchanges
    double share_binomial_p;     // exact, two-sided, as if voxels were independent
    double excess;               // share of voxels with a higher r minus share with a lower one: ties are on neither side
    // Per voxel; V, in the order given.
    std::vector<float> voxel_difference, voxel_low, voxel_high;
    std::vector<double> voxel_p;  // two-sided, as p, or from the tail where permutations are too few (tail.hpp)
    // Per resample: the mean difference under each permutation and each bootstrap sample, and under each permutation
    // the share of voxels above 0 minus that below. Resample i of two regions with the same images draws the same images.
    std::vector<double> permuted, resampled, permuted_excess;

    static PairedTest unknown();  // NaN everywhere, no voxels
};

// reference, model, response: images × voxels, finite, no column constant within a group
// (such voxels are left out before). groups: rows of each group; rows in no group are
// not used. No voxels: everything NaN.
PairedTest paired_test(const Eigen::MatrixXf& reference, const Eigen::MatrixXf& model,
                       const Eigen::MatrixXf& response,
                       const std::vector<std::vector<Eigen::Index>>& groups,
                       const ResampleOptions& options);

// Percentile of values with linear interpolation between order statistics (numpy's
// default); share in [0, 1]. NaN when empty.
double percentile(std::vector<double> values, double share);

// The same at 2.5 % and 97.5 % of the values that are not NaN, without sorting what lies between.
std::pair<double, double> interval(std::vector<double> values);

}  // namespace cortune::stats
