// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/random.hpp"
#include "stats/correlation.hpp"
#include "stats/paired.hpp"

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
    const MatrixXf far = (y.array() * 2 + 100).matrix();
    REQUIRE(stats::paired_test(p, q, far, one_group(61), options).p == Approx(one.p).margin(0.01));
    options.seed = 6;
    REQUIRE(stats::paired_test(p, q, y, one_group(61), options).low != one.low);
}
