// SPDX-License-Identifier: BSD-3-Clause
#include "stats/paired.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "core/random.hpp"
#include "linalg/threads.hpp"

namespace cortune::stats {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Groups = std::vector<std::vector<Index>>;

// Fixed, because results must not depend on how work is shared out.
constexpr Index resamples_per_block = 128;
constexpr Index voxels_per_block = 256;
// Streams of the seed: permutations, then bootstraps.
constexpr std::uint64_t bootstrap_streams = std::uint64_t{1} << 32;

// What one image adds to the sums of one voxel, images of a group × voxels of a block.
// Responses are centred and each model's predictions are standardised first. r knows neither
// scale nor offset, but an exchange of two models' values does: unless both have the same
// mean and spread, exchanged rows are not what the null says they are, and p is wrong.
struct Contributions {
    MatrixXd p, q, y;  // reference, model, response
};

// Columns to mean 0 and variance 1; a constant one to zeros.
void standardise(MatrixXd& values) {
    for (Index j = 0; j < values.cols(); ++j) {
        auto column = values.col(j);
        const double low = column.minCoeff(), high = column.maxCoeff();
        column.array() -= column.mean();
        const double norm = column.norm();
        if (low < high && norm > 0) column *= std::sqrt(static_cast<double>(values.rows())) / norm;
        else column.setZero();
    }
}

Contributions contributions(const Eigen::MatrixXf& reference, const Eigen::MatrixXf& model,
                            const Eigen::MatrixXf& response, const std::vector<Index>& images,
                            Index first, Index count) {
    Contributions c;
    const auto columns = Eigen::seqN(first, count);
    c.p = reference(images, columns).cast<double>();
    c.q = model(images, columns).cast<double>();
    c.y = response(images, columns).cast<double>();
    standardise(c.p);
    standardise(c.q);
    c.y.rowwise() -= c.y.colwise().mean().eval();
    return c;
}

double correlation(double n, double p, double pp, double py, double y, double yy) {
    const double variance = (pp - p * p / n) * (yy - y * y / n);
    return variance > 0 ? (py - p * y / n) / std::sqrt(variance) : 0.0;
}

// Σ over voxels of the block of r(model) − r(reference), per resample, for one group.
class GroupBlock {
  public:
    explicit GroupBlock(const Contributions& c) : c_(c), n_(static_cast<double>(c.p.rows())) {
        stack(p_, c.p);
        stack(q_, c.q);
    }

    Index images() const { return c_.p.rows(); }

    // exchanged: resamples × images, 1 where the two predictions change places.
    Eigen::VectorXd under_exchange(const MatrixXd& exchanged) const {
        const MatrixXd moved = exchanged * (q_ - p_);
        const Eigen::RowVectorXd all_p = p_.colwise().sum(), all_q = q_.colwise().sum();
        Eigen::VectorXd out = Eigen::VectorXd::Zero(exchanged.rows());
        const Index v = c_.p.cols();
        for (Index j = 0; j < v; ++j) {
            const double yy = c_.y.col(j).squaredNorm(), y = c_.y.col(j).sum();
            for (Index i = 0; i < out.size(); ++i) {
                const double a = moved(i, j), b = moved(i, v + j), c = moved(i, 2 * v + j);
                out(i) += correlation(n_, all_q(j) - a, all_q(v + j) - b, all_q(2 * v + j) - c, y, yy) -
                          correlation(n_, all_p(j) + a, all_p(v + j) + b, all_p(2 * v + j) + c, y, yy);
            }
        }
        return out;
    }

    // counts: resamples × images, how often each image was drawn.
    Eigen::VectorXd under_bootstrap(const MatrixXd& counts) const {
        const MatrixXd p = counts * p_, q = counts * q_, y = counts * c_.y,
                       yy = counts * c_.y.cwiseAbs2();
        Eigen::VectorXd out = Eigen::VectorXd::Zero(counts.rows());
        const Index v = c_.p.cols();
        for (Index j = 0; j < v; ++j)
            for (Index i = 0; i < out.size(); ++i)
                out(i) += correlation(n_, q(i, j), q(i, v + j), q(i, 2 * v + j), y(i, j), yy(i, j)) -
                          correlation(n_, p(i, j), p(i, v + j), p(i, 2 * v + j), y(i, j), yy(i, j));
        return out;
    }

  private:
    void stack(MatrixXd& out, const MatrixXd& prediction) const {
        const Index v = prediction.cols();
        out.resize(prediction.rows(), 3 * v);
        out.leftCols(v) = prediction;
        out.middleCols(v, v) = prediction.cwiseAbs2();
        out.rightCols(v) = prediction.cwiseProduct(c_.y);
    }

    const Contributions& c_;
    double n_;
    MatrixXd p_, q_;  // images × (p | p² | p·y)
};

// Rows: resamples [first, first + count); one matrix per group. An image's draw depends
// on the resample and on its place in the groups alone.
std::vector<MatrixXd> exchanges(const Groups& groups, std::uint64_t seed, Index first, Index count) {
    std::vector<MatrixXd> out;
    for (const auto& images : groups) out.emplace_back(count, static_cast<Index>(images.size()));
    for (Index i = 0; i < count; ++i) {
        Rng rng(seed, static_cast<std::uint64_t>(first + i));
        for (auto& mask : out)
            for (Index j = 0; j < mask.cols(); ++j) mask(i, j) = static_cast<double>(rng() >> 63);
    }
    return out;
}

std::vector<MatrixXd> draws(const Groups& groups, std::uint64_t seed, Index first, Index count) {
    std::vector<MatrixXd> out;
    for (const auto& images : groups) out.push_back(MatrixXd::Zero(count, static_cast<Index>(images.size())));
    for (Index i = 0; i < count; ++i) {
        Rng rng(seed, bootstrap_streams + static_cast<std::uint64_t>(first + i));
        for (auto& counts : out)
            for (Index j = 0; j < counts.cols(); ++j)
                counts(i, static_cast<Index>(rng.below(static_cast<std::uint64_t>(counts.cols())))) += 1;
    }
    return out;
}

// Calls work(first, count) for the blocks of `total` resamples.
template <class Work>
void for_blocks(Index total, int threads, Work work) {
    const Index blocks = (total + resamples_per_block - 1) / resamples_per_block;
    parallel_for(static_cast<std::size_t>(blocks), threads, [&](std::size_t b) {
        const Index first = static_cast<Index>(b) * resamples_per_block;
        work(first, std::min(resamples_per_block, total - first));
    });
}

}  // namespace

double percentile(std::vector<double> values, double share) {
    if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
    std::sort(values.begin(), values.end());
    const double place = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

PairedTest paired_test(const Eigen::MatrixXf& reference, const Eigen::MatrixXf& model,
                       const Eigen::MatrixXf& response, const Groups& groups,
                       const ResampleOptions& options) {
    const Index voxels = response.cols();
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    if (voxels == 0 || groups.empty()) return {unknown, unknown, unknown, unknown};
    const linalg::BlasThreads alone(1);
    double observed = 0;
    Eigen::VectorXd permuted = Eigen::VectorXd::Zero(options.permutations);
    Eigen::VectorXd resampled = Eigen::VectorXd::Zero(options.bootstraps);
    for (Index first = 0; first < voxels; first += voxels_per_block) {
        const Index count = std::min(voxels_per_block, voxels - first);
        std::vector<Contributions> parts;
        for (const auto& images : groups)
            parts.push_back(contributions(reference, model, response, images, first, count));
        std::vector<GroupBlock> blocks(parts.begin(), parts.end());
        for (const auto& block : blocks)
            observed += block.under_exchange(MatrixXd::Zero(1, block.images()))(0);
        check_interrupt();
        for_blocks(options.permutations, options.threads, [&](Index from, Index n) {
            const auto masks = exchanges(groups, options.seed, from, n);
            for (std::size_t g = 0; g < groups.size(); ++g)
                permuted.segment(from, n) += blocks[g].under_exchange(masks[g]);
        });
        for_blocks(options.bootstraps, options.threads, [&](Index from, Index n) {
            const auto counts = draws(groups, options.seed, from, n);
            for (std::size_t g = 0; g < groups.size(); ++g)
                resampled.segment(from, n) += blocks[g].under_bootstrap(counts[g]);
        });
    }
    const double scale = static_cast<double>(voxels) * static_cast<double>(groups.size());
    PairedTest out;
    out.difference = observed / scale;
    // Equal values of differently ordered sums must count as equal.
    const double limit = std::abs(observed) - 1e-10 * scale;
    const auto beyond = (permuted.array().abs() >= limit).count();
    out.p = (1.0 + static_cast<double>(beyond)) / (1.0 + static_cast<double>(options.permutations));
    resampled /= scale;
    const std::vector<double> sorted(resampled.begin(), resampled.end());
    out.low = percentile(sorted, 0.025);
    out.high = percentile(sorted, 0.975);
    return out;
}

}  // namespace cortune::stats
