// SPDX-License-Identifier: BSD-3-Clause
#include "stats/voxelwise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "core/random.hpp"
#include "linalg/threads.hpp"
#include "stats/correlation.hpp"
#include "stats/tail.hpp"

namespace cortune::stats {
namespace {

using Eigen::Index;
using Eigen::MatrixXf;
using Groups = std::vector<std::vector<Index>>;
using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr float no_value = std::numeric_limits<float>::quiet_NaN();
// Voxels that go side by side: two blocks of 1,500 images fit into a second-level cache.
constexpr Index width = 32;
// Streams of the seed, apart from those of the paired test.
constexpr std::uint64_t permutation_streams = std::uint64_t{2} << 32, voxel_streams = std::uint64_t{3} << 32;

// Per group, for all voxels the same: what is exchanged with what, and how often it is drawn.
struct Draws {
    std::vector<std::vector<std::int32_t>> permutation;  // permutations × images of the group
    MatrixXf counts;                                     // bootstraps × images
};

// Places of a group's images, by run.
std::vector<std::vector<std::int32_t>> by_run(const std::vector<Index>& images, const std::vector<std::int32_t>& run) {
    std::map<std::int32_t, std::vector<std::int32_t>> places;
    for (std::size_t i = 0; i < images.size(); ++i)
        places[run.empty() ? 0 : run.at(static_cast<std::size_t>(images[i]))].push_back(static_cast<std::int32_t>(i));
    std::vector<std::vector<std::int32_t>> out;
    for (auto& [number, inside] : places) out.push_back(std::move(inside));
    return out;
}

Draws draw(const std::vector<std::vector<std::int32_t>>& runs, std::size_t images, std::size_t group, const ResampleOptions& options) {
    const auto n = static_cast<Index>(images);
    Draws out;
    // One stream a resample and group.
    const auto stream = [&](std::uint64_t base, std::int64_t i) {
        return base + (static_cast<std::uint64_t>(group) << 24) + static_cast<std::uint64_t>(i);
    };
    for (std::int64_t i = 0; i < options.permutations; ++i) {
        check_interrupt();
        std::vector<std::int32_t> order(images);
        Rng rng(options.seed, stream(permutation_streams, i));
        for (const auto& inside : runs) {
            auto moved = inside;
            rng.shuffle(moved);
            for (std::size_t k = 0; k < inside.size(); ++k) order[static_cast<std::size_t>(inside[k])] = moved[k];
        }
        out.permutation.push_back(std::move(order));
    }
    out.counts = MatrixXf::Zero(options.bootstraps, n);
    for (std::int64_t i = 0; i < options.bootstraps; ++i) {
        check_interrupt();
        Rng rng(options.seed, stream(voxel_streams, i));
        for (Index k = 0; k < n; ++k) out.counts(i, static_cast<Index>(rng.below(images))) += 1;
    }
    return out;
}

// Rows of a group, columns [first, first + width), standardised; zeros beyond the last voxel and
// for unusable ones, which are marked.
RowMajor standardised(const MatrixXf& values, const std::vector<Index>& images, Index first, std::vector<char>& usable) {
    RowMajor out = RowMajor::Zero(static_cast<Index>(images.size()), width);
    for (Index v = 0; v < std::min(width, values.cols() - first); ++v) {
        const Eigen::VectorXd column = values.col(first + v)(images).cast<double>();
        const Eigen::VectorXd centred = column.array() - column.mean();
        const double norm = centred.norm();
        if (!column.allFinite() || column.minCoeff() == column.maxCoeff() || !(norm > 0)) usable[static_cast<std::size_t>(v)] = 0;
        else out.col(v) = (centred * (std::sqrt(static_cast<double>(images.size())) / norm)).cast<float>();
    }
    return out;
}

// Both loops of a permutation, written so that the compiler keeps the sums in registers.
#define CORTUNE_INLINE inline __attribute__((always_inline))
CORTUNE_INLINE void gather_products(const float* p, const float* y, const std::int32_t* order, Index n, float* out) {
    float sum[width] = {};
    for (Index i = 0; i < n; ++i) {
        const float *a = p + i * width, *b = y + Index{order[i]} * width;
        for (Index v = 0; v < width; ++v) sum[v] += a[v] * b[v];
    }
    for (Index v = 0; v < width; ++v) out[v] = sum[v] / static_cast<float>(n);
}
#if defined(__x86_64__)
__attribute__((target("avx512f"))) void gather_avx512(const float* p, const float* y, const std::int32_t* order, Index n, float* out) {
    gather_products(p, y, order, n, out);
}
__attribute__((target("avx2,fma"))) void gather_avx2(const float* p, const float* y, const std::int32_t* order, Index n, float* out) {
    gather_products(p, y, order, n, out);
}
#endif
void gather_plain(const float* p, const float* y, const std::int32_t* order, Index n, float* out) {
    gather_products(p, y, order, n, out);
}
using Gather = void (*)(const float*, const float*, const std::int32_t*, Index, float*);
Gather best_gather() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return gather_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return gather_avx2;
#endif
    return gather_plain;
}

// From the means of the first four powers.
NullMoments moments_of(const Eigen::Array<double, 1, 4>& mean) {
    const double m = mean(0), variance = mean(1) - m * m;
    const double third = mean(2) - 3 * m * mean(1) + 2 * m * m * m, fourth = mean(3) - 4 * m * mean(2) + 6 * m * m * mean(1) - 3 * m * m * m * m;
    return {m, variance, third / (variance * std::sqrt(variance)), fourth / (variance * variance) - 3};
}

constexpr auto least = static_cast<float>(least_variance);

// r of each resample (rows) and voxel of one group.
MatrixXf bootstrapped(const RowMajor& p, const RowMajor& y, const MatrixXf& counts) {
    RowMajor sums(p.rows(), 5 * width);
    sums << p, y, p.cwiseAbs2(), y.cwiseAbs2(), p.cwiseProduct(y);
    const MatrixXf s = counts * sums;
    const auto n = static_cast<float>(p.rows());
    MatrixXf out(counts.rows(), width);
    for (Index v = 0; v < width; ++v) {
        const auto sp = s.col(v).array(), sy = s.col(width + v).array();
        const auto pp = s.col(2 * width + v).array() - sp * sp / n, yy = s.col(3 * width + v).array() - sy * sy / n;
        const auto py = s.col(4 * width + v).array() - sp * sy / n;
        // Of a draw of (nearly) one image alone there is no r.
        out.col(v) = (pp > least * n && yy > least * n).select((py / (pp * yy).max(1e-20F).sqrt()).max(-1.0F).min(1.0F), no_value).matrix();
    }
    return out;
}

class Block {
  public:
    Block(const MatrixXf& prediction, const MatrixXf& response, const Groups& groups, Index first)
        : first_(first), count_(std::min(width, prediction.cols() - first)), usable_(width, 1) {
        for (const auto& images : groups) {
            p_.push_back(standardised(prediction, images, first, usable_));
            y_.push_back(standardised(response, images, first, usable_));
        }
    }

    // Returns, per bootstrap, the sum of r over the voxels that vary in it, and their number.
    Eigen::MatrixX2d test(const std::vector<Draws>& draws, const ResampleOptions& options, Gather gather, VoxelTest& out) const {
        const auto observed = mean_r([&](std::size_t g, float* r) {
            std::vector<std::int32_t> same(static_cast<std::size_t>(p_[g].rows()));
            for (std::size_t i = 0; i < same.size(); ++i) same[i] = static_cast<std::int32_t>(i);
            gather(p_[g].data(), y_[g].data(), same.data(), p_[g].rows(), r);
        });
        std::vector<std::int64_t> beyond(width, 0);
        // Sums of the first four powers of the permuted r.
        Eigen::Array<double, width, 4> power = Eigen::Array<double, width, 4>::Zero();
        for (std::int64_t i = 0; i < options.permutations; ++i) {
            const auto r = mean_r([&](std::size_t g, float* one) {
                gather(p_[g].data(), y_[g].data(), draws[g].permutation[static_cast<std::size_t>(i)].data(), p_[g].rows(), one);
            });
            for (Index v = 0; v < width; ++v) beyond[static_cast<std::size_t>(v)] += r(v) >= observed(v) - tie;
            const Eigen::Array<double, width, 1> one = r.template cast<double>(), two = one.square();
            power.col(0) += one, power.col(1) += two, power.col(2) += two * one, power.col(3) += two.square();
        }
        MatrixXf resampled;
        for (std::size_t g = 0; g < p_.size() && options.bootstraps > 0; ++g) {
            MatrixXf r = bootstrapped(p_[g], y_[g], draws[g].counts);
            if (g == 0) resampled = std::move(r);
            else resampled += r;
        }
        resampled /= static_cast<float>(p_.size());
        Eigen::MatrixX2d sum = Eigen::MatrixX2d::Zero(options.bootstraps, 2);
        for (Index v = 0; v < count_; ++v) {
            const auto at = static_cast<std::size_t>(first_ + v);
            if (!usable_[static_cast<std::size_t>(v)]) continue;
            out.p[at] = permutation_p(beyond[static_cast<std::size_t>(v)], options.permutations, static_cast<double>(observed(v)),
                                      moments_of(power.row(v) / static_cast<double>(options.permutations)), 1);
            if (options.bootstraps == 0) continue;
            const auto [low, high] = interval({resampled.col(v).begin(), resampled.col(v).end()});
            out.low[at] = static_cast<float>(low);
            out.high[at] = static_cast<float>(high);
            const auto known = resampled.col(v).array() == resampled.col(v).array();
            sum.col(0).array() += known.select(resampled.col(v).cast<double>().array(), 0.0);
            sum.col(1).array() += known.cast<double>();
        }
        return sum;
    }

  private:
    // The same r from sums in another order must count as equal.
    static constexpr float tie = 1e-6F;
    template <class OfGroup>
    Eigen::Array<float, width, 1> mean_r(OfGroup of_group) const {
        Eigen::Array<float, width, 1> sum = Eigen::Array<float, width, 1>::Zero(), one;
        for (std::size_t g = 0; g < p_.size(); ++g) {
            of_group(g, one.data());
            sum += one;
        }
        return sum / static_cast<float>(p_.size());
    }

    Index first_, count_;
    std::vector<char> usable_;
    std::vector<RowMajor> p_, y_;
};

}  // namespace

VoxelTest voxel_test(const MatrixXf& prediction, const MatrixXf& response, const Groups& groups, const std::vector<std::int32_t>& run,
                     const ResampleOptions& options) {
    const auto voxels = static_cast<std::size_t>(prediction.cols());
    VoxelTest out;
    out.low.assign(voxels, no_value);
    out.high.assign(voxels, no_value);
    out.p.assign(voxels, static_cast<double>(no_value));
    std::tie(out.mean_low, out.mean_high) = interval({});
    if (groups.empty()) return out;
    std::vector<Draws> draws;
    for (std::size_t g = 0; g < groups.size(); ++g) draws.push_back(draw(by_run(groups[g], run), groups[g].size(), g, options));
    const Gather gather = best_gather();
    const linalg::BlasThreads alone(1);
    const std::size_t blocks = (voxels + width - 1) / width;
    std::vector<Eigen::MatrixX2d> sums(blocks);
    parallel_for(blocks, options.threads, [&](std::size_t b) {
        check_interrupt();
        sums[b] = Block(prediction, response, groups, static_cast<Index>(b) * width).test(draws, options, gather, out);
    });
    // In the order of the blocks, whoever was first.
    Eigen::MatrixX2d total = Eigen::MatrixX2d::Zero(options.bootstraps, 2);
    for (const auto& sum : sums) total += sum;
    const Eigen::VectorXd mean = total.col(0).cwiseQuotient(total.col(1));
    std::tie(out.mean_low, out.mean_high) = interval({mean.begin(), mean.end()});
    return out;
}

}  // namespace cortune::stats
