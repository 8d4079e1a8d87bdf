// SPDX-License-Identifier: BSD-3-Clause
// Pearson's correlation, in double whatever the values are.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace cortune::stats {

// r = Σ(a−ā)(b−b̄) / sqrt(Σ(a−ā)² Σ(b−b̄)²), two passes. NaN where either is constant or
// not finite, or there are fewer than two values.
template <class A, class B>
double pearson(const Eigen::MatrixBase<A>& a, const Eigen::MatrixBase<B>& b) {
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    // Values that are exactly constant leave a variance of rounding errors: compare them.
    if (a.size() < 2 || a.minCoeff() == a.maxCoeff() || b.minCoeff() == b.maxCoeff()) return unknown;
    const double mean_a = a.template cast<double>().mean(), mean_b = b.template cast<double>().mean();
    double aa = 0, bb = 0, ab = 0;
    for (Eigen::Index i = 0; i < a.size(); ++i) {
        const double da = static_cast<double>(a(i)) - mean_a, db = static_cast<double>(b(i)) - mean_b;
        aa += da * da;
        bb += db * db;
        ab += da * db;
    }
    const double r = ab / std::sqrt(aa * bb);
    return std::isfinite(r) ? r : unknown;
}

// A resample in which less than this share of a column's variance is left has no r of its own: what
// varies in it is one image's worth of rounding.
inline constexpr double least_variance = 1e-4;

// Images in groups (folds): r is computed inside each group and averaged, as every
// group was predicted by a model of its own. Groups of fewer than two images count for
// nothing.
std::vector<std::vector<Eigen::Index>> groups_of(std::span<const std::int16_t> fold);

// r per column: the mean over groups; NaN where it is undefined in one of them (or there
// is none), so that all columns are means of equally many. a, b: images × columns.
Eigen::VectorXd grouped_pearson(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b,
                                const std::vector<std::vector<Eigen::Index>>& groups);

}  // namespace cortune::stats
