// SPDX-License-Identifier: BSD-3-Clause
// The ways to one optimum: parity with scikit-learn (tests/parity/test_probe.py) sees two of them.
#include <catch2/catch.hpp>
#include <cmath>

#include "core/random.hpp"
#include "probe/logistic.hpp"

using namespace cortune;

namespace {

// Correlated standardised features of classes that overlap.
linalg::RowMatrixF make(std::int64_t n, std::int64_t d, std::vector<std::int32_t>& label, std::int64_t classes) {
    Rng rng(3, 1);
    Eigen::MatrixXf mix(d, d), centre(classes, d);
    for (auto* m : {&mix, &centre})
        for (float& v : m->reshaped()) v = static_cast<float>(rng.normal());
    linalg::RowMatrixF x(n, d);
    for (float& v : x.reshaped()) v = static_cast<float>(rng.normal());
    x = x * mix;
    for (std::int64_t i = 0; i < n; ++i) {
        label.push_back(static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(classes))));
        x.row(i) += 2 * centre.row(label.back());
    }
    x.rowwise() -= x.colwise().mean().eval();
    x.array().rowwise() /= (x.colwise().squaredNorm() / static_cast<float>(n)).cwiseSqrt().array().eval();
    return x;
}

double objective(const probe::LogisticFit& fit, const linalg::RowMatrixF& x, const std::vector<std::int32_t>& label, double c) {
    const auto p = probe::probabilities(fit, x);
    double loss = 0;
    for (Eigen::Index i = 0; i < p.rows(); ++i) loss -= std::log(static_cast<double>(p(i, label[static_cast<std::size_t>(i)])));
    return c * loss + fit.coef.cast<double>().squaredNorm() / 2;
}

}  // namespace

TEST_CASE("layers too wide for the solver's metric, and fewer images than units, have the same optimum") {
    for (const auto& [n, d] : {std::pair<std::int64_t, std::int64_t>{400, 30}, {60, 90}}) {
        std::vector<std::int32_t> label;
        const auto x = make(n, d, label, 4);
        probe::LogisticOptions options;
        options.c = .05;
        const auto usual = probe::fit_logistic(x, label, 4, options);
        options.most_features = 20;  // neither XᵀX nor the space of the images
        const auto plain = probe::fit_logistic(x, label, 4, options);
        REQUIRE(usual.converged);
        REQUIRE(plain.converged);
        const double best = objective(usual, x, label, options.c);
        REQUIRE(objective(plain, x, label, options.c) == Approx(best).epsilon(1e-5));
        // float32 products
        REQUIRE((usual.coef - plain.coef).cwiseAbs().maxCoeff() < 2e-3F);
        // And it is one: weights a little off are worse.
        auto off = usual;
        off.coef *= 1.02F;
        REQUIRE(objective(off, x, label, options.c) > best * (1 + 2e-6));
    }
}
