// SPDX-License-Identifier: BSD-3-Clause
#include "stats/paired.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <tuple>

#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "core/random.hpp"
#include "linalg/threads.hpp"
#include "stats/significance.hpp"

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

// Where (nearly) nothing varies, as in a draw of one image alone, there is no r.
double correlation(double n, double p, double pp, double py, double y, double yy) {
    const double of_p = pp - p * p / n, of_y = yy - y * y / n;
    if (!(of_p > 1e-9 * n) || !(of_y > 0)) return std::numeric_limits<double>::quiet_NaN();
    return std::clamp((py - p * y / n) / std::sqrt(of_p * of_y), -1.0, 1.0);
}

// r(model) − r(reference) per resample and voxel of the block, for one group.
class GroupBlock {
  public:
    explicit GroupBlock(const Contributions& c) : c_(c), n_(static_cast<double>(c.p.rows())) {
        stack(p_, c.p);
        stack(q_, c.q);
    }

    Index images() const { return c_.p.rows(); }

    // exchanged: resamples × images, 1 where the two predictions change places.
    MatrixXd under_exchange(const MatrixXd& exchanged) const {
        const MatrixXd moved = exchanged * (q_ - p_);
        const Eigen::RowVectorXd all_p = p_.colwise().sum(), all_q = q_.colwise().sum();
        const Index v = c_.p.cols();
        MatrixXd out(exchanged.rows(), v);
        for (Index j = 0; j < v; ++j) {
            const double yy = c_.y.col(j).squaredNorm(), y = c_.y.col(j).sum();
            for (Index i = 0; i < out.rows(); ++i) {
                const double a = moved(i, j), b = moved(i, v + j), c = moved(i, 2 * v + j);
                out(i, j) = correlation(n_, all_q(j) - a, all_q(v + j) - b, all_q(2 * v + j) - c, y, yy) -
                          correlation(n_, all_p(j) + a, all_p(v + j) + b, all_p(2 * v + j) + c, y, yy);
            }
        }
        return out;
    }

    // counts: resamples × images, how often each image was drawn.
    MatrixXd under_bootstrap(const MatrixXd& counts) const {
        const MatrixXd p = counts * p_, q = counts * q_, y = counts * c_.y,
                       yy = counts * c_.y.cwiseAbs2();
        const Index v = c_.p.cols();
        MatrixXd out(counts.rows(), v);
        for (Index j = 0; j < v; ++j)
            for (Index i = 0; i < out.rows(); ++i)
                out(i, j) = correlation(n_, q(i, j), q(i, v + j), q(i, 2 * v + j), y(i, j), yy(i, j)) -
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

namespace {

// Value at a share of the way through `values`, which are in order there.
double between(const std::vector<double>& values, double share) {
    const double place = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

}  // namespace

std::pair<double, double> interval(std::vector<double> values) {
    std::erase_if(values, [](double v) { return std::isnan(v); });
    if (values.empty()) return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
    // Only the ends have to be in order.
    const auto n = static_cast<std::ptrdiff_t>(values.size());
    const auto side = std::min(n, static_cast<std::ptrdiff_t>(0.025 * static_cast<double>(n - 1)) + 2);
    std::nth_element(values.begin(), values.begin() + (side - 1), values.end());
    std::sort(values.begin(), values.begin() + side);
    const double low = between(values, 0.025);
    if (side < n) {
        std::nth_element(values.begin() + side, values.begin() + std::max(side, n - side), values.end());
        std::sort(values.begin() + std::max(side, n - side), values.end());
    }
    return {low, between(values, 0.975)};
}

double percentile(std::vector<double> values, double share) {
    if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
    std::sort(values.begin(), values.end());
    return between(values, share);
}

PairedTest PairedTest::unknown() {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    return {nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, {}, {}, {}, {}};
}

namespace {

// What the resamples leave behind: sums over voxels per resample, and the voxels' own figures.
class Tally {
  public:
    Tally(const ResampleOptions& options, Index voxels)
        : voxels_(voxels), permuted_(Eigen::VectorXd::Zero(options.permutations)),
          higher_(Eigen::VectorXi::Zero(options.permutations)), lower_(higher_),
          resampled_(Eigen::VectorXd::Zero(options.bootstraps)) {}

    // Rows [from, …) of the permutations of one block; its voxels' counts beyond `observed`.
    void permutations(Index from, const MatrixXd& d, const Eigen::VectorXd& observed, Eigen::VectorXi& beyond) {
        permuted_.segment(from, d.rows()) += d.rowwise().sum();
        for (Index i = 0; i < d.rows(); ++i) {
            higher_(from + i) += static_cast<int>((d.row(i).array() > tie).count());
            lower_(from + i) += static_cast<int>((d.row(i).array() < -tie).count());
        }
        Eigen::VectorXi mine(d.cols());
        for (Index v = 0; v < d.cols(); ++v)
            mine(v) = static_cast<int>((d.col(v).array().abs() >= std::abs(observed(v)) - tie).count());
        const std::lock_guard lock(mutex_);
        beyond += mine;
    }
    void bootstraps(Index from, const MatrixXd& d) {
        resampled_.segment(from, d.rows()) += d.rowwise().sum();
    }
    void observed(const Eigen::VectorXd& d, const Eigen::VectorXi& beyond, PairedTest& out) const {
        for (Index v = 0; v < d.size(); ++v) {
            out.voxel_difference.push_back(static_cast<float>(d(v)));
            out.voxel_p.push_back((1.0 + beyond(v)) / (1.0 + static_cast<double>(permuted_.size())));
        }
    }
    void finish(const Eigen::VectorXd& d, PairedTest& out) const {
        const auto n = static_cast<double>(voxels_), tests = 1.0 + static_cast<double>(permuted_.size());
        out.difference = d.mean();
        out.p = (1.0 + static_cast<double>((permuted_.array().abs() >= std::abs(d.sum()) - n * tie).count())) / tests;
        const auto higher = (d.array() > tie).count(), lower = (d.array() < -tie).count();
        out.share_improved = static_cast<double>(higher) / n;
        out.share_binomial_p = binomial_p(higher, higher + lower);
        // Half of the voxels that are equal count for either side.
        const auto excess = [](auto up, auto down) { return std::abs(static_cast<double>(up) - static_cast<double>(down)); };
        std::int64_t beyond = 0;
        for (Index i = 0; i < permuted_.size(); ++i) beyond += excess(higher_(i), lower_(i)) >= excess(higher, lower);
        out.share_p = (1.0 + static_cast<double>(beyond)) / tests;
        std::vector<double> means;
        for (Index i = 0; i < resampled_.size(); ++i) means.push_back(resampled_(i) / n);
        std::tie(out.low, out.high) = interval(std::move(means));
        // The spread over voxels is that of the data: resampling images adds noise to every
        // voxel, so that a resample's own spread would shrink all effects.
        const double spread = std::sqrt((d.array() - d.mean()).square().sum() / (n - 1));
        const double scale = voxels_ > 1 && spread > 0 ? 1 / spread : std::numeric_limits<double>::quiet_NaN();
        out.effect = out.difference * scale;
        out.effect_low = out.low * scale;
        out.effect_high = out.high * scale;
    }

  private:
    // Equal values of differently ordered sums must count as equal.
    static constexpr double tie = 1e-10;
    Index voxels_;
    Eigen::VectorXd permuted_;          // Σ over voxels, per permutation
    Eigen::VectorXi higher_, lower_;    // voxels above and below 0
    Eigen::VectorXd resampled_;         // as permuted_
    std::mutex mutex_;
};

}  // namespace

PairedTest paired_test(const Eigen::MatrixXf& reference, const Eigen::MatrixXf& model,
                       const Eigen::MatrixXf& response, const Groups& groups,
                       const ResampleOptions& options) {
    const Index voxels = response.cols();
    PairedTest out = PairedTest::unknown();
    if (voxels == 0 || groups.empty()) return out;
    const linalg::BlasThreads alone(1);
    const auto per_group = 1.0 / static_cast<double>(groups.size());
    Tally tally(options, voxels);
    Eigen::VectorXd observed(voxels);
    for (Index first = 0; first < voxels; first += voxels_per_block) {
        const Index count = std::min(voxels_per_block, voxels - first);
        std::vector<Contributions> parts;
        for (const auto& images : groups)
            parts.push_back(contributions(reference, model, response, images, first, count));
        const std::vector<GroupBlock> blocks(parts.begin(), parts.end());
        const auto over_groups = [&](const auto& of_group) {
            MatrixXd d = of_group(0);
            for (std::size_t g = 1; g < blocks.size(); ++g) d += of_group(g);
            return MatrixXd(d * per_group);
        };
        const Eigen::VectorXd here =
            over_groups([&](std::size_t g) { return blocks[g].under_exchange(MatrixXd::Zero(1, blocks[g].images())); }).transpose();
        check_interrupt();
        Eigen::VectorXi beyond = Eigen::VectorXi::Zero(count);
        for_blocks(options.permutations, options.threads, [&](Index from, Index n) {
            const auto masks = exchanges(groups, options.seed, from, n);
            tally.permutations(from, over_groups([&](std::size_t g) { return blocks[g].under_exchange(masks[g]); }), here, beyond);
        });
        Eigen::MatrixXf resampled(options.bootstraps, count);
        for_blocks(options.bootstraps, options.threads, [&](Index from, Index n) {
            const auto counts = draws(groups, options.seed, from, n);
            const MatrixXd d = over_groups([&](std::size_t g) { return blocks[g].under_bootstrap(counts[g]); });
            tally.bootstraps(from, d);
            resampled.middleRows(from, n) = d.cast<float>();
        });
        tally.observed(here, beyond, out);
        observed.segment(first, count) = here;
        for (Index v = 0; v < count; ++v) {
            const auto [low, high] = interval({resampled.col(v).begin(), resampled.col(v).end()});
            out.voxel_low.push_back(static_cast<float>(low));
            out.voxel_high.push_back(static_cast<float>(high));
        }
    }
    tally.finish(observed, out);
    return out;
}

}  // namespace cortune::stats
