// SPDX-License-Identifier: BSD-3-Clause
// How much two representations of the same images know of each other: the InfoNCE bound (van den Oord et al. 2018,
// arXiv 1807.03748; Poole et al. 2019, ICML). Of K pairs with similarities s_ij and a temperature τ
//     I ≥ log K − L,   L = (1/K) Σ_i −log( e^{s_ii/τ} / Σ_j e^{s_ij/τ} )
// in nats, and never above log K.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

namespace cortune::stats {

// Cosines of rows: a's n × b's n. Rows of zeros have cosine 0 with everything.
Eigen::MatrixXf cosines(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b);

// −log softmax of the own pair, per row, in double and without overflow.
std::vector<double> info_nce_losses(const Eigen::MatrixXf& similarity, double temperature);

// log K − mean loss.
double info_nce_bound(const Eigen::MatrixXf& similarity, double temperature);

// Of `candidates` the temperature with the highest bound. Chosen on the pairs that are reported it would be optimistic.
double best_temperature(const Eigen::MatrixXf& similarity, const std::vector<double>& candidates);

struct BoundInterval {
    double low, high;  // 2.5th and 97.5th percentile
};
// Bootstrap over images. An image drawn twice is no negative of itself: with counts w the others weigh
// (K − 1) w_j / Σ_{j≠i} w_j, so that every draw has K candidates; and the images' own losses are averaged with weights w.
BoundInterval bound_interval(const Eigen::MatrixXf& similarity, double temperature, std::int64_t bootstraps, std::uint64_t seed);

struct CurvePoint {
    std::int64_t pairs;
    double bound;      // mean over subsets
    double deviation;  // standard deviation over them; 0 of one
};
// The bound for 2, 4, 8, … and all K pairs, each the mean over `subsets` random subsets (one of all pairs).
std::vector<CurvePoint> bound_curve(const Eigen::MatrixXf& similarity, double temperature, std::int64_t subsets, std::uint64_t seed);

}  // namespace cortune::stats
