// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>
#include <limits>
#include <numeric>

#include "core/error.hpp"
#include "core/random.hpp"
#include "linalg/eigen_solvers.hpp"
#include "linalg/gram.hpp"
#include "linalg/kernel_pca.hpp"

using namespace cortune;
using Eigen::MatrixXd;

namespace {

// Far from zero, with a spectrum that falls.
linalg::RowMatrixF features(std::int64_t n, std::int64_t d, std::uint64_t seed = 1) {
    Rng rng(seed);
    linalg::RowMatrixF x(n, d);
    for (std::int64_t i = 0; i < n; ++i)
        for (std::int64_t j = 0; j < d; ++j)
            x(i, j) = static_cast<float>(5 + rng.normal() / std::sqrt(1.0 + static_cast<double>(j)));
    return x;
}

MatrixXd gram_of(const linalg::RowMatrixF& x, std::int64_t width, bool known) {
    linalg::GramAccumulator gram(x.rows(), known ? x.cols() : -1);
    for (std::int64_t first = 0; first < x.cols(); first += width) {
        linalg::RowMatrixF panel = x.middleCols(first, std::min(width, x.cols() - first));
        gram.add_panel(panel.data(), panel.cols());
    }
    return gram.finish();
}

MatrixXd centred(const MatrixXd& k) {
    const auto n = k.rows();
    const MatrixXd c = MatrixXd::Identity(n, n) - MatrixXd::Constant(n, n, 1.0 / static_cast<double>(n));
    return c * k * c;
}

std::vector<std::int64_t> range(std::int64_t first, std::int64_t last) {
    std::vector<std::int64_t> out(static_cast<std::size_t>(last - first));
    std::iota(out.begin(), out.end(), first);
    return out;
}

}  // namespace

TEST_CASE("the Gram matrix, centred, is that of centred features") {
    const auto x = features(70, 500);
    const MatrixXd wide = x.cast<double>();
    const MatrixXd mean_free = wide.rowwise() - wide.colwise().mean();
    const MatrixXd expected = mean_free * mean_free.transpose();
    const double scale = expected.cwiseAbs().maxCoeff();
    for (const std::int64_t width : {500, 123, 7}) {
        const MatrixXd gram = gram_of(x, width, false);
        REQUIRE((gram - gram.transpose()).cwiseAbs().maxCoeff() == 0);
        REQUIRE((centred(gram) - expected).cwiseAbs().maxCoeff() < 2e-6 * scale);
    }
}

TEST_CASE("a layer narrower than the images has no components of rounding") {
    const auto x = features(150, 30);
    const auto rows = range(0, 150);
    const auto pca = linalg::kernel_pca(gram_of(x, 30, true), rows, 149, 150, linalg::PcaMode::exact);
    // float32 entries, double products: the rest is far below the thirty.
    REQUIRE(pca.values.size() >= 30);
    if (pca.values.size() > 30) REQUIRE(pca.values(30) < 1e-9 * pca.values(0));
}

TEST_CASE("a narrow layer is decomposed by its rank, to the same components") {
    const auto x = features(150, 30);
    auto gram = gram_of(x, 30, true);
    std::vector<std::int64_t> rows;
    for (std::int64_t i = 0; i < 150; ++i)
        if (i % 5 != 2) rows.push_back(i);
    const auto whole = linalg::kernel_pca(gram, rows, 149, 100, linalg::PcaMode::exact), narrow = linalg::kernel_pca(gram, rows, 149, 30, linalg::PcaMode::exact);
    REQUIRE(narrow.values.size() == 30);
    // Double: ε times the condition of the thirty, some 1e3.
    REQUIRE(((narrow.values - whole.values.head(30)).array() / whole.values.head(30).array()).abs().maxCoeff() < 1e-10);
    REQUIRE((narrow.vectors.transpose() * narrow.vectors - MatrixXd::Identity(30, 30)).cwiseAbs().maxCoeff() < 1e-10);
    const MatrixXd shared = (narrow.vectors.transpose() * whole.vectors.leftCols(30)).cwiseAbs();
    REQUIRE((shared - MatrixXd::Identity(30, 30)).cwiseAbs().maxCoeff() < 1e-8);
    REQUIRE(linalg::kernel_pca(gram, rows, 7, 30, linalg::PcaMode::fast).values.size() == 7);
}

TEST_CASE("features that are not finite are refused") {
    auto x = features(10, 20);
    x(4, 3) = std::numeric_limits<float>::infinity();
    linalg::GramAccumulator gram(10);
    REQUIRE_THROWS_AS(gram.add_panel(x.data(), 20), RunFailed);
}

TEST_CASE("kernel PCA diagonalises the centred kernel of the rows it is given") {
    const auto x = features(80, 300);
    const MatrixXd gram = gram_of(x, 100, false);
    std::vector<std::int64_t> rows, others;
    for (std::int64_t i = 0; i < 80; ++i) (i % 4 == 1 ? others : rows).push_back(i);
    const auto pca = linalg::kernel_pca(gram, rows, 1000, 300, linalg::PcaMode::exact);
    REQUIRE(pca.values.size() == 59);  // n − 1: centring takes one
    const MatrixXd kernel = centred(gram(rows, rows));
    const MatrixXd residual = kernel * pca.vectors - pca.vectors * pca.values.asDiagonal();
    REQUIRE(residual.cwiseAbs().maxCoeff() < 1e-9 * pca.values(0));
    REQUIRE((pca.vectors.transpose() * pca.vectors - MatrixXd::Identity(59, 59)).cwiseAbs().maxCoeff() < 1e-10);
    // The cross-kernel of the rows with themselves is the centred kernel.
    REQUIRE((linalg::centred_cross(gram, rows, rows) - kernel).cwiseAbs().maxCoeff() < 1e-9 * pca.values(0));
    const MatrixXd wide = x.cast<double>();
    const Eigen::RowVectorXd mean = wide(rows, Eigen::all).colwise().mean();
    const MatrixXd fitted = wide(rows, Eigen::all).rowwise() - mean;
    const MatrixXd direct = (wide(others, Eigen::all).rowwise() - mean) * fitted.transpose();
    REQUIRE((linalg::centred_cross(gram, others, rows) - direct).cwiseAbs().maxCoeff() < 1e-5 * pca.values(0));
}

TEST_CASE("identical images have no components") {
    const linalg::RowMatrixF x = linalg::RowMatrixF::Constant(12, 9, 2.5F);
    const auto pca = linalg::kernel_pca(gram_of(x, 9, true), range(0, 12), 5, 9, linalg::PcaMode::exact);
    REQUIRE(pca.values.size() == 0);
}

TEST_CASE("the fast solver finds the leading components") {
    const auto x = features(420, 900);
    const MatrixXd gram = gram_of(x, 900, false);
    const auto rows = range(0, 400);
    const auto exact = linalg::kernel_pca(gram, rows, 30, 900, linalg::PcaMode::exact);
    const auto fast = linalg::kernel_pca(gram, rows, 30, 900, linalg::PcaMode::fast);
    REQUIRE(fast.values.size() == 30);
    REQUIRE(((exact.values - fast.values).array() / exact.values.array()).abs().maxCoeff() < 1e-3);
    const MatrixXd shared = fast.vectors.transpose() * exact.vectors.leftCols(20);
    REQUIRE(shared.colwise().norm().minCoeff() > 0.999);
    // A matrix of low rank exhausts its Krylov space early.
    const auto low = features(400, 6);
    const auto few = linalg::leading_eigenpairs(centred(gram_of(low, 6, true)), 20);
    REQUIRE(few.values(5) > 1e-3 * few.values(0));
    REQUIRE(few.values(6) < 1e-9 * few.values(0));
    REQUIRE(few.vectors.allFinite());
}
