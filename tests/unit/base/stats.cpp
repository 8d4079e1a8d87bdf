// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/random.hpp"
#include "stats/correlation.hpp"
#include "stats/paired.hpp"
#include "stats/significance.hpp"
#include "stats/tail.hpp"
#include "stats/voxelwise.hpp"

using namespace cortune;
using Eigen::MatrixXf;

namespace {

MatrixXf noise(Eigen::Index rows, Eigen::Index columns, std::uint64_t seed) {
    Rng rng(seed);
    return MatrixXf::NullaryExpr(rows, columns, [&] { return static_cast<float>(rng.normal()); });
}

std::vector<std::vector<Eigen::Index>> one_group(Eigen::Index n) {
    return stats::groups_of(std::vector<std::int16_t>(static_cast<std::size_t>(n), -1));
}

}  // namespace

TEST_CASE("Pearson's r") {
    const Eigen::Vector4d a(1, 2, 3, 4), b(2, 1, 4, 3);
    REQUIRE(stats::pearson(a, b) == Approx(0.6));
    REQUIRE(stats::pearson(a, a) == Approx(1));
    REQUIRE(stats::pearson(a, (-3 * a).eval()) == Approx(-1));
    REQUIRE(std::isnan(stats::pearson(a, Eigen::Vector4d::Constant(0.1).eval())));
    const Eigen::Vector4d broken(1, std::nan(""), 2, 3);
    REQUIRE(std::isnan(stats::pearson(a, broken)));
    // Far from zero, where one-pass sums would cancel.
    const Eigen::VectorXf far = (noise(50, 1, 3).array() + 30000).matrix();
    const Eigen::VectorXf other = noise(50, 1, 4);
    const Eigen::VectorXd near = far.cast<double>().array() - 30000;
    REQUIRE(stats::pearson(far, other) == Approx(stats::pearson(near, other.cast<double>().eval())).margin(1e-12));
}

TEST_CASE("r in groups is the mean of the groups' r") {
    const MatrixXf a = noise(30, 4, 1), b = noise(30, 4, 2) + 0.5F * a;
    std::vector<std::int16_t> fold(30);
    for (std::size_t i = 0; i < 30; ++i) fold[i] = static_cast<std::int16_t>(i % 3);
    const auto groups = stats::groups_of(fold);
    REQUIRE(groups.size() == 3);
    const auto r = stats::grouped_pearson(a, b, groups);
    double expected = 0;
    for (const auto& g : groups) expected += stats::pearson(a(g, 2).eval(), b(g, 2).eval()) / 3;
    REQUIRE(r(2) == Approx(expected));
    MatrixXf flat = b;
    for (const auto i : groups[1]) flat(i, 0) = 2;
    REQUIRE(std::isnan(stats::grouped_pearson(a, flat, groups)(0)));
}

TEST_CASE("percentiles interpolate as numpy does") {
    REQUIRE(stats::percentile({3, 1, 2, 4}, 0.5) == Approx(2.5));
    REQUIRE(stats::percentile({3, 1, 2, 4}, 0.025) == Approx(1.075));
    REQUIRE(std::isnan(stats::percentile({}, 0.5)));
}

TEST_CASE("the paired test sees a better model, and nothing where there is nothing") {
    const MatrixXf y = noise(90, 25, 1);
    const MatrixXf poor = 0.3F * y + noise(90, 25, 2), good = 0.6F * y + noise(90, 25, 3);
    stats::ResampleOptions options;
    options.permutations = 500;
    options.bootstraps = 500;
    const auto gain = stats::paired_test(poor, good, y, one_group(90), options);
    REQUIRE(gain.difference > 0.1);
    REQUIRE(gain.p == Approx(1.0 / 501));
    REQUIRE(gain.share_p == Approx(1.0 / 501));
    REQUIRE(gain.share_improved > 0.9);
    REQUIRE(gain.share_binomial_p < 1e-4);
    REQUIRE((gain.effect_low > 0 && gain.effect_low < gain.effect && gain.effect < gain.effect_high));
    REQUIRE(gain.low > 0);
    REQUIRE(gain.low < gain.difference);
    REQUIRE(gain.difference < gain.high);
    const auto back = stats::paired_test(good, poor, y, one_group(90), options);
    REQUIRE(back.difference == Approx(-gain.difference));
    REQUIRE(back.low == Approx(-gain.high));
    // A model against itself: no difference, p = 1.
    const auto same = stats::paired_test(good, good, y, one_group(90), options);
    REQUIRE(same.difference == 0);
    REQUIRE(same.p == 1);
    REQUIRE((same.low == 0 && same.high == 0));
    REQUIRE((same.share_improved == 0 && same.share_p == 1));
    const MatrixXf none(90, 0);
    REQUIRE(std::isnan(stats::paired_test(none, none, none, one_group(90), options).p));
}

TEST_CASE("the paired test does not depend on threads and shifts of the responses") {
    const MatrixXf y = noise(61, 300, 1), p = 0.3F * y + noise(61, 300, 2), q = 0.32F * y + noise(61, 300, 3);
    stats::ResampleOptions options;
    options.permutations = 300;
    options.bootstraps = 200;
    options.seed = 5;
    const auto one = stats::paired_test(p, q, y, one_group(61), options);
    options.threads = 3;
    const auto three = stats::paired_test(p, q, y, one_group(61), options);
    REQUIRE(one.difference == three.difference);
    REQUIRE(one.p == three.p);
    REQUIRE(one.low == three.low);
    REQUIRE(one.high == three.high);
    REQUIRE(one.voxel_p == three.voxel_p);
    REQUIRE(one.voxel_low == three.voxel_low);
    REQUIRE((one.share_p == three.share_p && one.effect_low == three.effect_low));
    REQUIRE(one.voxel_difference.size() == 300);
    const MatrixXf far = (y.array() * 2 + 100).matrix();
    REQUIRE(stats::paired_test(p, q, far, one_group(61), options).p == Approx(one.p).margin(0.01));
    options.seed = 6;
    REQUIRE(stats::paired_test(p, q, y, one_group(61), options).low != one.low);
}

TEST_CASE("exchanges do not mind another scale or offset of the predictions") {
    const MatrixXf y = noise(80, 10, 1), p = 0.3F * y + noise(80, 10, 2), q = 0.4F * y + noise(80, 10, 3);
    stats::ResampleOptions options;
    options.permutations = 300;
    const auto plain = stats::paired_test(p, q, y, one_group(80), options);
    const auto scaled = stats::paired_test(p, (0.1F * q.array() + 7).matrix(), y, one_group(80), options);
    REQUIRE(scaled.difference == Approx(plain.difference).margin(1e-5));
    REQUIRE(scaled.p == Approx(plain.p).margin(1e-9));
}

TEST_CASE("interval equals the sorted percentiles") {
    Rng rng(3);
    for (const std::size_t n : {1u, 2u, 3u, 39u, 40u, 41u, 200u, 1001u}) {
        std::vector<double> values;
        for (std::size_t i = 0; i < n; ++i) values.push_back(rng.normal());
        const auto [low, high] = stats::interval(values);
        REQUIRE(low == stats::percentile(values, 0.025));
        REQUIRE(high == stats::percentile(values, 0.975));
    }
}

TEST_CASE("binomial test and false discovery rate") {
    // scipy.stats.binomtest(8, 10).pvalue and (40, 100)
    REQUIRE(stats::binomial_p(8, 10) == Approx(0.109375));
    REQUIRE(stats::binomial_p(2, 10) == Approx(0.109375));
    REQUIRE(stats::binomial_p(40, 100) == Approx(0.056887933640980784));
    REQUIRE(stats::binomial_p(5, 10) == 1);
    REQUIRE(std::isnan(stats::binomial_p(0, 0)));
    // statsmodels' multipletests(p, method="fdr_bh") with the NaN left out
    const auto q = stats::benjamini_hochberg({0.01, 0.04, std::nan(""), 0.03, 0.005, 0.9});
    REQUIRE(q[0] == Approx(0.025));
    REQUIRE(q[1] == Approx(0.05));
    REQUIRE(std::isnan(q[2]));
    REQUIRE(q[3] == Approx(0.05));
    REQUIRE(q[4] == Approx(0.025));
    REQUIRE(q[5] == Approx(0.9));
}

TEST_CASE("p of what permutations cannot count comes from the tail") {
    // Draws from a normal distribution: the p of 4, 5 and 6 deviations is 3.17e-5, 2.87e-7 and 9.87e-10. Ours may
    // be larger (the kurtosis is taken one standard error high), never much smaller.
    stats::NullMoments normal{0.5, 4, 0, 0};
    for (const auto& [z, exact] : {std::pair{4.0, 3.167e-5}, {5.0, 2.867e-7}, {6.0, 9.866e-10}}) {
        const double p = stats::permutation_p(0, 10000, 0.5 + 2 * z, normal, 1);
        CHECK(p > exact);
        CHECK(p < 30 * exact);
        CHECK(stats::permutation_p(0, 10000, 0.5 - 2 * z, normal, 2) == Approx(2 * p));
    }
    // Heavier tails give larger p; what can be counted is counted.
    CHECK(stats::permutation_p(0, 10000, 10.5, {0.5, 4, 0, 0.9}, 1) > 5 * stats::permutation_p(0, 10000, 10.5, normal, 1));
    CHECK(stats::permutation_p(1, 999, 100, normal, 1) == Approx(2 / 1000.0));
    CHECK(stats::permutation_p(0, 999, 0.6, normal, 1) == Approx(1 / 1000.0));  // never above
    CHECK(stats::permutation_p(0, 999, 100, {0.5, 4, 0.6, 0}, 1) == Approx(1 / 1000.0));  // skewed, or
    CHECK(stats::permutation_p(0, 999, 100, {0.5, 4, 0, 1.1}, 1) == Approx(1 / 1000.0));  // heavy-tailed: counted
    CHECK(stats::permutation_p(3, 50, 100, normal, 1) == Approx(4 / 51.0));
    CHECK(stats::permutation_p(0, 999, 100, {0, std::nan(""), 0, 0}, 1) == Approx(1 / 1000.0));
}

TEST_CASE("a unit that answers to one image alone has no p from a tail") {
    // Predictions are lognormal: r is large where the one image has the largest prediction, which one draw in n gives.
    const Eigen::Index n = 150, voxels = 60;
    const MatrixXf p = noise(n, voxels, 11).array().exp();
    MatrixXf y = MatrixXf::Zero(n, voxels);
    for (Eigen::Index v = 0; v < voxels; ++v) {
        Eigen::Index best = 0;
        p.col(v).maxCoeff(&best);
        y(best, v) = 1;
    }
    stats::ResampleOptions options;
    options.permutations = 1000;
    options.bootstraps = 0;
    const auto test = stats::voxel_test(p, y, one_group(n), {}, options);
    // The exact p is 1/150; a count of 1,000 draws is 6.7 ± 2.6, and never far below.
    for (const double value : test.p) REQUIRE(value >= 1.0 / 1001);
    std::vector<double> sorted = test.p;
    std::sort(sorted.begin(), sorted.end());
    REQUIRE(sorted[30] == Approx(1.0 / 150).epsilon(0.4));
}

TEST_CASE("per voxel: intervals hold r, p sees what is there") {
    const Eigen::Index n = 120, voxels = 70;
    const MatrixXf y = noise(n, voxels, 1);
    MatrixXf p = noise(n, voxels, 2);
    p.leftCols(35) += 0.6F * y.leftCols(35);
    p.col(3).setConstant(2);
    p(5, 4) = std::numeric_limits<float>::quiet_NaN();
    stats::ResampleOptions options;
    options.permutations = 400;
    options.bootstraps = 400;
    const auto one = stats::voxel_test(p, y, one_group(n), {}, options);
    options.threads = 3;
    const auto three = stats::voxel_test(p, y, one_group(n), {}, options);
    REQUIRE((std::isnan(one.p[3]) && std::isnan(one.p[4]) && std::isnan(one.low[4])));
    int significant = 0;
    for (std::size_t v = 0; v < 70; ++v) {
        if (v == 3 || v == 4) continue;
        REQUIRE((one.p[v] == three.p[v] && one.low[v] == three.low[v] && one.high[v] == three.high[v]));
        const auto at = static_cast<Eigen::Index>(v);
        const double r = stats::pearson(p.col(at), y.col(at));
        REQUIRE((static_cast<double>(one.low[v]) < r && r < static_cast<double>(one.high[v])));
        if (v < 35) REQUIRE(one.p[v] < 1.0 / 401);  // less than 400 permutations can count: from the tail
        else significant += one.p[v] <= 0.05;
    }
    REQUIRE(significant <= 6);  // of 35 at .05; P(more) is below 1 %
}

// Nothing is predicted of an image beyond its run: runs have levels of their own, and the
// prediction knows them. p must be uniform inside runs, where images can be exchanged, and is
// far too small across them.
TEST_CASE("images change places inside their runs") {
    const Eigen::Index n = 120, voxels = 300, length = 12;
    MatrixXf y = noise(n, voxels, 1), p = noise(n, voxels, 2);
    const MatrixXf level = noise(n / length, voxels, 3);
    std::vector<std::int32_t> run;
    for (Eigen::Index i = 0; i < n; ++i) {
        run.push_back(static_cast<std::int32_t>(i % (n / length)));
        y.row(i) += level.row(run.back());
        p.row(i) += level.row(run.back());
    }
    stats::ResampleOptions options;
    options.permutations = 199;
    options.bootstraps = 0;
    const auto small = [&](const std::vector<std::int32_t>& runs) {
        const auto test = stats::voxel_test(p, y, one_group(n), runs, options);
        return std::count_if(test.p.begin(), test.p.end(), [](double value) { return value <= 0.05; });
    };
    const auto inside = small(run);
    REQUIRE((inside >= 5 && inside <= 28));  // of 300 at .05: 15, within 3.5 deviations
    REQUIRE(small({}) > 200);
    REQUIRE(small(std::vector<std::int32_t>(n, 7)) == small({}));
}

TEST_CASE("draws in which nothing varies do not count") {
    // Three images a group: one draw in nine is of one image alone.
    const MatrixXf y = noise(15, 4, 1), p = y + 0.3F * noise(15, 4, 2);
    std::vector<std::int16_t> fold;
    for (std::int16_t i = 0; i < 15; ++i) fold.push_back(static_cast<std::int16_t>(i % 5));
    stats::ResampleOptions options;
    options.bootstraps = 2000;
    const auto test = stats::voxel_test(p, y, stats::groups_of(fold), {}, options);
    const double r = stats::grouped_pearson(p, y, stats::groups_of(fold)).mean();
    REQUIRE((test.mean_low < r && r < test.mean_high));
    for (const float high : test.high) REQUIRE(high <= 1);
}
