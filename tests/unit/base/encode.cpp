// SPDX-License-Identifier: BSD-3-Clause
#include <Eigen/Cholesky>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "core/random.hpp"
#include "encode/protocol.hpp"
#include "linalg/gram.hpp"
#include "stats/correlation.hpp"

using namespace cortune;
using encode::Protocol;

namespace {

struct Problem {
    Eigen::MatrixXd x, gram;
    Eigen::MatrixXf y;
    encode::ImageSets sets;
};

Problem make(std::int64_t n, std::int64_t d, std::int64_t voxels, std::int64_t scored) {
    Rng rng(4);
    Problem p;
    p.x = Eigen::MatrixXd::NullaryExpr(n, d, [&] { return rng.normal(); });
    const Eigen::MatrixXd w = Eigen::MatrixXd::NullaryExpr(d, voxels, [&] { return rng.normal(); });
    const Eigen::MatrixXd e = Eigen::MatrixXd::NullaryExpr(n, voxels, [&] { return rng.normal(); });
    p.y = ((p.x * w / std::sqrt(static_cast<double>(d)) + 0.7 * e).array() + 3).matrix().cast<float>();
    p.gram = p.x * p.x.transpose();
    for (std::int64_t i = 0; i < n; ++i) {
        if (i < scored) {
            p.sets.scored.push_back(i);
        } else {
            p.sets.cv.push_back(i);
            p.sets.fold.push_back(static_cast<int>(i % 5));
        }
    }
    return p;
}

Reporter silent;

// Ridge with intercept in its primal form, every component kept.
Eigen::VectorXd primal(const Problem& p, const std::vector<std::int64_t>& fit,
                       const std::vector<std::int64_t>& target, Eigen::Index voxel, double alpha) {
    const Eigen::MatrixXd xf = p.x(fit, Eigen::all), xt = p.x(target, Eigen::all);
    const Eigen::VectorXd y = p.y(fit, voxel).cast<double>();
    const Eigen::RowVectorXd mean = xf.colwise().mean();
    const Eigen::MatrixXd c = xf.rowwise() - mean;
    Eigen::MatrixXd normal = c.transpose() * c;
    normal.diagonal().array() += alpha;
    const Eigen::VectorXd w = normal.ldlt().solve(c.transpose() * (y.array() - y.mean()).matrix());
    return ((xt.rowwise() - mean) * w).array() + y.mean();
}

}  // namespace

TEST_CASE("protocols have names and reasons") {
    for (const auto p : {Protocol::held_out, Protocol::paper, Protocol::train_cv})
        REQUIRE(encode::parse_protocol(encode::protocol_name(p)) == p);
    REQUIRE_THROWS_AS(encode::parse_protocol("holdout"), UsageError);
    REQUIRE(encode::optimistic_reason(Protocol::held_out, true).empty());
    REQUIRE_FALSE(encode::optimistic_reason(Protocol::paper, true).empty());
    // An untuned network has seen no responses.
    CHECK(encode::optimistic_reason(Protocol::train_cv, true).find("tuned model") != std::string::npos);
    CHECK(encode::optimistic_reason(Protocol::train_cv, false).find("tuned model") == std::string::npos);
    REQUIRE_FALSE(encode::optimistic_reason(Protocol::train_cv, false).empty());
}

TEST_CASE("held-out predictions are ridge's on the penalty that cross-validation chose") {
    const auto p = make(120, 20, 6, 20);
    encode::RidgeOptions options;
    const auto fit = encode::fit_layer(p.gram, 20, p.sets, p.y, options, silent);
    REQUIRE(fit.scored.rows() == 20);
    REQUIRE(fit.folded.size() == 0);
    for (Eigen::Index v = 0; v < 6; ++v) {
        const auto expected = primal(p, p.sets.cv, p.sets.scored, v, fit.alpha(v));
        REQUIRE((fit.scored.col(v).cast<double>() - expected).cwiseAbs().maxCoeff() < 1e-4);
    }
    // The reported r is the mean over folds at that penalty, and no penalty does better.
    for (double alpha = 0.1; alpha < 2e7; alpha *= 10) {
        double r = 0;
        for (int f = 0; f < 5; ++f) {
            std::vector<std::int64_t> inside, outside;
            for (std::size_t i = 0; i < p.sets.cv.size(); ++i)
                (p.sets.fold[i] == f ? inside : outside).push_back(p.sets.cv[i]);
            r += stats::pearson(primal(p, outside, inside, 2, alpha), p.y(inside, 2).eval()) / 5;
        }
        REQUIRE(r < static_cast<double>(fit.cv_r(2)) + 1e-5);
        if (std::abs(alpha / fit.alpha(2) - 1) < 1e-6) REQUIRE(r == Approx(fit.cv_r(2)).margin(1e-5));
    }
}

TEST_CASE("without scored images the folds' own predictions are reported") {
    const auto p = make(100, 15, 4, 0);
    const auto fit = encode::fit_layer(p.gram, 15, p.sets, p.y, {}, silent);
    REQUIRE(fit.folded.rows() == 100);
    REQUIRE(fit.scored.size() == 0);
    std::vector<std::int64_t> inside, outside;
    for (std::int64_t i = 0; i < 100; ++i) (i % 5 == 3 ? inside : outside).push_back(i);
    const auto expected = primal(p, outside, inside, 1, fit.alpha(1));
    const Eigen::VectorXd found = fit.folded(inside, 1).cast<double>();
    REQUIRE((found - expected).cwiseAbs().maxCoeff() < 1e-4);
}

TEST_CASE("held-out and the folds' predictions come from the same decompositions") {
    auto p = make(110, 20, 5, 15);
    p.y.col(2).setConstant(0.5F);
    const auto held_out = encode::fit_layer(p.gram, 20, p.sets, p.y, {}, silent);
    auto sets = p.sets;
    sets.keep_folds = true;
    const auto both = encode::fit_layer(p.gram, 20, sets, p.y, {}, silent);
    sets.scored.clear();
    const auto folds = encode::fit_layer(p.gram, 20, sets, p.y, {}, silent);
    const auto same = [](const Eigen::MatrixXf& a, const Eigen::MatrixXf& b) {
        return a.rows() == b.rows() && (a.array() == b.array() || (a.array().isNaN() && b.array().isNaN())).all();
    };
    REQUIRE(same(both.scored, held_out.scored));
    REQUIRE(same(both.folded, folds.folded));
    REQUIRE(both.folded.rows() == static_cast<Eigen::Index>(p.sets.cv.size()));
    REQUIRE(both.folded.col(2).array().isNaN().all());
    REQUIRE(same(both.cv_r.matrix(), folds.cv_r.matrix()));
}

TEST_CASE("saved weights give the held-out predictions") {
    const auto p = make(110, 200, 5, 15);
    encode::RidgeOptions options;
    options.components = 30;
    const auto fit = encode::fit_layer(p.gram, 200, p.sets, p.y, options, silent);
    const auto w = encode::refit_weights(p.gram, 200, p.sets.cv, p.y, fit.alpha, options);
    REQUIRE(w.pca.values.size() == 30);
    const Eigen::MatrixXd cv = p.x(p.sets.cv, Eigen::all), scored = p.x(p.sets.scored, Eigen::all);
    const Eigen::RowVectorXd mean = cv.colwise().mean();
    const Eigen::MatrixXd basis = (cv.rowwise() - mean).transpose() * w.pca.vectors *
                                  w.pca.values.cwiseSqrt().cwiseInverse().asDiagonal();
    Eigen::MatrixXd found = (scored.rowwise() - mean) * basis * w.coef.cast<double>();
    found.rowwise() += w.intercept.cast<double>().transpose();
    REQUIRE((found - fit.scored.cast<double>()).cwiseAbs().maxCoeff() < 1e-4);
}

TEST_CASE("constant and broken voxels give NaN and disturb no other") {
    auto p = make(90, 30, 5, 10);
    const auto clean = encode::fit_layer(p.gram, 30, p.sets, p.y, {}, silent);
    p.y.col(1).setConstant(0.3F);
    p.y(50, 3) = std::numeric_limits<float>::quiet_NaN();
    const auto fit = encode::fit_layer(p.gram, 30, p.sets, p.y, {}, silent);
    for (const Eigen::Index v : {1, 3}) {
        REQUIRE(std::isnan(fit.cv_r(v)));
        REQUIRE(std::isnan(fit.alpha(v)));
        REQUIRE(fit.scored.col(v).array().isNaN().all());
    }
    for (const Eigen::Index v : {0, 2, 4}) {
        REQUIRE(fit.cv_r(v) == Approx(clean.cv_r(v)).margin(1e-6));
        REQUIRE(fit.alpha(v) == clean.alpha(v));
    }
    const auto w = encode::refit_weights(p.gram, 30, p.sets.cv, p.y, fit.alpha, {});
    REQUIRE(std::isnan(w.intercept(1)));
    REQUIRE(std::isfinite(w.intercept(0)));
}

TEST_CASE("equal scores take the smaller penalty, blocks of voxels do not matter") {
    auto p = make(80, 25, 40, 10);
    // Features that say nothing: every penalty predicts the mean.
    const Eigen::MatrixXd nothing = Eigen::MatrixXd::Zero(80, 80);
    const auto none = encode::fit_layer(nothing, 25, p.sets, p.y, {}, silent);
    REQUIRE(none.alpha(0) == Approx(0.1));
    REQUIRE(none.cv_r(0) == 0);
    const auto whole = encode::fit_layer(p.gram, 25, p.sets, p.y, {}, silent);
    encode::RidgeOptions tight;
    tight.decompositions = 1;
    tight.threads = 2;
    const auto blocks = encode::fit_layer(p.gram, 25, p.sets, p.y, tight, silent);
    REQUIRE((whole.scored - blocks.scored).cwiseAbs().maxCoeff() < 1e-5F);
    REQUIRE(whole.alpha == blocks.alpha);
    encode::RidgeOptions bad;
    bad.alphas = {0, 1};
    REQUIRE_THROWS_AS(encode::fit_layer(p.gram, 25, p.sets, p.y, bad, silent), UsageError);
}
