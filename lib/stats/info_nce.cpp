// SPDX-License-Identifier: BSD-3-Clause
#include "stats/info_nce.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/interrupt.hpp"
#include "core/random.hpp"
#include "stats/paired.hpp"

namespace cortune::stats {
namespace {

Eigen::MatrixXf unit_rows(const Eigen::MatrixXf& x) {
    Eigen::MatrixXf out = x;
    for (Eigen::Index i = 0; i < x.rows(); ++i) {
        const double length = x.row(i).cast<double>().norm();
        out.row(i) *= length > 0 ? static_cast<float>(1 / length) : 0.f;
    }
    return out;
}

double mean(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.) / static_cast<double>(v.size()); }

// Rows and columns `at` of a square matrix.
Eigen::MatrixXf part(const Eigen::MatrixXf& s, const std::vector<std::int64_t>& at) { return s(at, at); }

}  // namespace

Eigen::MatrixXf cosines(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b) { return unit_rows(a) * unit_rows(b).transpose(); }

std::vector<double> info_nce_losses(const Eigen::MatrixXf& similarity, double temperature) {
    std::vector<double> out;
    for (Eigen::Index i = 0; i < similarity.rows(); ++i) {
        const Eigen::ArrayXd s = similarity.row(i).cast<double>().transpose().array() / temperature;
        const double top = s.maxCoeff();
        out.push_back(top + std::log((s - top).exp().sum()) - s(i));
    }
    return out;
}

double info_nce_bound(const Eigen::MatrixXf& similarity, double temperature) {
    return std::log(static_cast<double>(similarity.rows())) - mean(info_nce_losses(similarity, temperature));
}

double best_temperature(const Eigen::MatrixXf& similarity, const std::vector<double>& candidates) {
    double best = candidates.at(0), bound = -std::numeric_limits<double>::infinity();
    for (const double t : candidates) {
        check_interrupt();
        if (const double b = info_nce_bound(similarity, t); b > bound) bound = b, best = t;
    }
    return best;
}

BoundInterval bound_interval(const Eigen::MatrixXf& similarity, double temperature, std::int64_t bootstraps, std::uint64_t seed) {
    const auto k = similarity.rows();
    if (bootstraps == 0 || k < 2) return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
    Eigen::MatrixXf weight(k, bootstraps);
    for (std::int64_t b = 0; b < bootstraps; ++b) {
        Rng rng(seed, static_cast<std::uint64_t>(b));
        weight.col(b).setZero();
        for (Eigen::Index i = 0; i < k; ++i) weight(static_cast<Eigen::Index>(rng.below(static_cast<std::uint64_t>(k))), b) += 1;
    }
    // The others' sum of an image under all draws is a row of one product; its own similarity is the unit of its row.
    std::vector<double> sum(static_cast<std::size_t>(bootstraps), 0);
    constexpr Eigen::Index block = 256;
    for (Eigen::Index first = 0; first < k; first += block) {
        check_interrupt();
        const auto rows = std::min(block, k - first);
        Eigen::MatrixXf e(rows, k);
        Eigen::VectorXd top(rows), own(rows);
        for (Eigen::Index i = 0; i < rows; ++i) {
            const Eigen::ArrayXd s = similarity.row(first + i).cast<double>().transpose().array() / temperature;
            top(i) = s.maxCoeff(), own(i) = s(first + i);
            e.row(i) = (s - top(i)).exp().matrix().cast<float>().transpose();
            e(i, first + i) = 0;
        }
        const Eigen::MatrixXf others = e * weight;
        for (std::int64_t b = 0; b < bootstraps; ++b)
            for (Eigen::Index i = 0; i < rows; ++i) {
                const double w = static_cast<double>(weight(first + i, b)), rest = static_cast<double>(k) - w;
                if (w == 0) continue;
                const double scale = rest > 0 ? static_cast<double>(k - 1) / rest : 0;
                sum[static_cast<std::size_t>(b)] += w * (top(i) + std::log(std::exp(own(i) - top(i)) + scale * static_cast<double>(others(i, b))) - own(i));
            }
    }
    for (auto& s : sum) s = std::log(static_cast<double>(k)) - s / static_cast<double>(k);
    const auto [low, high] = interval(std::move(sum));
    return {low, high};
}

std::vector<CurvePoint> bound_curve(const Eigen::MatrixXf& similarity, double temperature, std::int64_t subsets, std::uint64_t seed) {
    std::vector<CurvePoint> out;
    const auto all = static_cast<std::int64_t>(similarity.rows());
    for (std::int64_t k = 2; k < all; k *= 2) {
        check_interrupt();
        std::vector<double> bound;
        for (std::int64_t s = 0; s < subsets; ++s) {
            Rng rng(seed, mix64(static_cast<std::uint64_t>(k)) ^ static_cast<std::uint64_t>(s));
            auto order = rng.permutation(all);
            order.resize(static_cast<std::size_t>(k));
            bound.push_back(info_nce_bound(part(similarity, order), temperature));
        }
        double squares = 0;
        for (double b : bound) squares += (b - mean(bound)) * (b - mean(bound));
        out.push_back({k, mean(bound), bound.size() > 1 ? std::sqrt(squares / static_cast<double>(bound.size() - 1)) : 0});
    }
    out.push_back({all, info_nce_bound(similarity, temperature), 0});
    return out;
}

}  // namespace cortune::stats
