// SPDX-License-Identifier: BSD-3-Clause
#include "stats/paired.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>
#include <tuple>

#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "core/random.hpp"
#include "linalg/threads.hpp"
#include "stats/correlation.hpp"
#include "stats/significance.hpp"
#include "stats/tail.hpp"

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
constexpr std::uint64_t jackknife_stream = std::uint64_t{4} << 32;
constexpr Index most_parts = 50;  // of the jackknife: its error is then known to about 10 %

// What one image adds to the sums of one voxel, images of a group × voxels of a block.
// Responses and each model's predictions are standardised first. r knows neither
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
    standardise(c.y);
    return c;
}

// Where (nearly) nothing varies, as in a draw of one image alone, there is no r.
double correlation(double n, double p, double pp, double py, double y, double yy) {
    const double of_p = pp - p * p / n, of_y = yy - y * y / n;
    if (!(of_p > least_variance * n) || !(of_y > least_variance * n)) return std::numeric_limits<double>::quiet_NaN();
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
    MatrixXd under_draws(const MatrixXd& counts) const {
        const Eigen::VectorXd n = counts.rowwise().sum();
        const MatrixXd p = counts * p_, q = counts * q_, y = counts * c_.y,
                       yy = counts * c_.y.cwiseAbs2();
        const Index v = c_.p.cols();
        MatrixXd out(counts.rows(), v);
        for (Index j = 0; j < v; ++j)
            for (Index i = 0; i < out.rows(); ++i)
                out(i, j) = correlation(n(i), q(i, j), q(i, v + j), q(i, 2 * v + j), y(i, j), yy(i, j)) -
                          correlation(n(i), p(i, j), p(i, v + j), p(i, 2 * v + j), y(i, j), yy(i, j));
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

// The images of each group in random parts, of which every row leaves one out.
std::vector<MatrixXd> without_parts(const Groups& groups, std::uint64_t seed) {
    Index parts = most_parts;
    for (const auto& images : groups) parts = std::min(parts, static_cast<Index>(images.size()) / 2);
    Rng rng(seed, jackknife_stream);
    std::vector<MatrixXd> out;
    for (const auto& images : groups) {
        std::vector<Index> order(images.size());
        std::iota(order.begin(), order.end(), Index{0});
        rng.shuffle(order);
        out.push_back(MatrixXd::Ones(parts, static_cast<Index>(images.size())));
        for (std::size_t i = 0; i < order.size(); ++i) out.back()(static_cast<Index>(i) % parts, order[i]) = 0;
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
    return {nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, nan, {}, {}, {}, {}, {}, {}, {}};
}

namespace {

// Mean and variance over voxels, per resample, of those whose difference it knows: a unit that
// responds to one image alone is constant in a third of the draws.
class OverVoxels {
  public:
    explicit OverVoxels(Index resamples) : known_(Eigen::ArrayXd::Zero(resamples)), sum_(known_), square_(known_) {}
    void add(Index from, const MatrixXd& d) {
        const auto is_known = d.array() == d.array();
        known_.segment(from, d.rows()) += is_known.cast<double>().rowwise().sum();
        sum_.segment(from, d.rows()) += is_known.select(d.array(), 0.0).rowwise().sum();
        square_.segment(from, d.rows()) += is_known.select(d.array().square(), 0.0).rowwise().sum();
    }
    Eigen::ArrayXd mean() const { return sum_ / known_; }
    Eigen::ArrayXd variance() const { return (square_ - sum_.square() / known_) / (known_ - 1); }

  private:
    Eigen::ArrayXd known_, sum_, square_;
};

// What the resamples leave behind: sums over voxels per resample, and the voxels' own figures.
class Tally {
  public:
    Tally(const ResampleOptions& options, Index voxels, Index parts)
        : voxels_(voxels), permuted_(Eigen::VectorXd::Zero(options.permutations)),
          higher_(Eigen::VectorXi::Zero(options.permutations)), lower_(higher_),
          resampled_(options.bootstraps), left_out_(parts) {}

    // Of a block's voxels: counts beyond the observed difference, and sums of its second and fourth power by
    // block of permutations, to be added in one order. Under an exchange its distribution is symmetric about 0.
    struct Beyond {
        Beyond(Index permutations, Index voxels)
            : count(Eigen::VectorXi::Zero(voxels)), second((permutations + resamples_per_block - 1) / resamples_per_block, voxels), fourth(second) {}
        Eigen::VectorXi count;
        MatrixXd second, fourth;
    };

    // Rows [from, …) of the permutations of one block.
    void permutations(Index from, const MatrixXd& d, const Eigen::VectorXd& observed, Beyond& beyond) {
        permuted_.segment(from, d.rows()) += d.rowwise().sum();
        for (Index i = 0; i < d.rows(); ++i) {
            higher_(from + i) += static_cast<int>((d.row(i).array() > tie).count());
            lower_(from + i) += static_cast<int>((d.row(i).array() < -tie).count());
        }
        Eigen::VectorXi mine(d.cols());
        for (Index v = 0; v < d.cols(); ++v)
            mine(v) = static_cast<int>((!(d.col(v).array().abs() < std::abs(observed(v)) - tie)).count());  // an unknown one counts
        beyond.second.row(from / resamples_per_block) = d.array().square().colwise().sum();
        beyond.fourth.row(from / resamples_per_block) = d.array().square().square().colwise().sum();
        const std::lock_guard lock(mutex_);
        beyond.count += mine;
    }
    void bootstraps(Index from, const MatrixXd& d) { resampled_.add(from, d); }
    void left_out(const MatrixXd& d) { left_out_.add(0, d); }
    void observed(const Eigen::VectorXd& d, const Beyond& beyond, PairedTest& out) const {
        const auto draws = static_cast<double>(permuted_.size());
        for (Index v = 0; v < d.size(); ++v) {
            out.voxel_difference.push_back(static_cast<float>(d(v)));
            const double variance = beyond.second.col(v).sum() / draws;
            out.voxel_p.push_back(permutation_p(beyond.count(v), permuted_.size(), d(v), {0, variance, 0, beyond.fourth.col(v).sum() / draws / (variance * variance) - 3}, 2));
        }
    }
    void finish(const Eigen::VectorXd& d, PairedTest& out) const {
        const auto n = static_cast<double>(voxels_), tests = 1.0 + static_cast<double>(permuted_.size());
        out.difference = d.mean();
        out.p = (1.0 + static_cast<double>((!(permuted_.array().abs() < std::abs(d.sum()) - n * tie)).count())) / tests;
        const auto higher = (d.array() > tie).count(), lower = (d.array() < -tie).count();
        out.share_improved = static_cast<double>(higher) / n;
        out.excess = static_cast<double>(higher - lower) / n;
        out.share_binomial_p = binomial_p(higher, higher + lower);
        // Half of the voxels that are equal count for either side.
        const auto excess = [](auto up, auto down) { return std::abs(static_cast<double>(up) - static_cast<double>(down)); };
        std::int64_t beyond = 0;
        for (Index i = 0; i < permuted_.size(); ++i) beyond += excess(higher_(i), lower_(i)) >= excess(higher, lower);
        out.share_p = (1.0 + static_cast<double>(beyond)) / tests;
        const Eigen::ArrayXd means = resampled_.mean();
        out.resampled = {means.begin(), means.end()};
        for (Index i = 0; i < permuted_.size(); ++i) {
            out.permuted.push_back(permuted_(i) / n);
            out.permuted_excess.push_back(static_cast<double>(higher_(i) - lower_(i)) / n);
        }
        std::tie(out.low, out.high) = interval({means.begin(), means.end()});
        const double spread = (d.array() - d.mean()).square().sum() / (n - 1);
        if (voxels_ < 2 || !(spread > 0)) return;
        out.effect = out.difference / std::sqrt(spread);
        // A bootstrap draw's own spread over voxels is wider than the data's, since drawing adds noise to
        // every voxel, so its effects are too small. Leaving out a part of the images adds little.
        const Eigen::ArrayXd effects = left_out_.mean() / left_out_.variance().sqrt();
        const auto parts = static_cast<double>(effects.size());
        const double error = std::sqrt((parts - 1) / parts * (effects - effects.mean()).square().sum());
        out.effect_low = out.effect - normal_95 * error;
        out.effect_high = out.effect + normal_95 * error;
    }

  private:
    // Equal values of differently ordered sums must count as equal.
    static constexpr double tie = 1e-10;
    static constexpr double normal_95 = 1.959963984540054;
    Index voxels_;
    Eigen::VectorXd permuted_;          // Σ over voxels, per permutation
    Eigen::VectorXi higher_, lower_;    // voxels above and below 0
    OverVoxels resampled_, left_out_;
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
    const auto parts_left_out = without_parts(groups, options.seed);
    Tally tally(options, voxels, parts_left_out[0].rows());
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
        Tally::Beyond beyond(options.permutations, count);
        for_blocks(options.permutations, options.threads, [&](Index from, Index n) {
            const auto masks = exchanges(groups, options.seed, from, n);
            tally.permutations(from, over_groups([&](std::size_t g) { return blocks[g].under_exchange(masks[g]); }), here, beyond);
        });
        Eigen::MatrixXf resampled(options.bootstraps, count);
        for_blocks(options.bootstraps, options.threads, [&](Index from, Index n) {
            const auto counts = draws(groups, options.seed, from, n);
            const MatrixXd d = over_groups([&](std::size_t g) { return blocks[g].under_draws(counts[g]); });
            tally.bootstraps(from, d);
            resampled.middleRows(from, n) = d.cast<float>();
        });
        tally.left_out(over_groups([&](std::size_t g) { return blocks[g].under_draws(parts_left_out[g]); }));
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
