// SPDX-License-Identifier: BSD-3-Clause
#include "linalg/gram.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.hpp"
#include "core/parallel.hpp"
#include "linalg/threads.hpp"

namespace cortune::linalg {
namespace {

// Columns whose products are summed in float32 before the sum goes to double: the
// rounding of a sum grows with its length.
constexpr std::int64_t chunk = 4096;
constexpr std::int64_t pilot_rows = 64;

std::size_t as_size(std::int64_t n) { return static_cast<std::size_t>(n); }

}  // namespace

GramAccumulator::GramAccumulator(std::int64_t n, std::int64_t live)
    : n_(n), precise_(live >= 0 && live <= n), sum_(Eigen::MatrixXd::Zero(n, n)) {
    if (!precise_) product_.resize(n, n);
}

void GramAccumulator::subtract_pilot(float* panel, std::int64_t width) const {
    Eigen::Map<RowMatrixF> x(panel, n_, width);
    const std::int64_t rows = std::min(n_, pilot_rows);
    Eigen::RowVectorXf mean = Eigen::RowVectorXf::Zero(width);
    for (std::int64_t i = 0; i < rows; ++i) mean += x.row(i * n_ / rows);
    mean /= static_cast<float>(rows);
    parallel_for(as_size(n_), blas_threads(),
                 [&](std::size_t i) { x.row(static_cast<Eigen::Index>(i)) -= mean; });
}

void GramAccumulator::add_single(const float* columns, std::int64_t stride, std::int64_t count) {
    const int n = static_cast<int>(n_);
    // Row-major n × count is column-major count × n: G = AᵀA of that.
    cblas_ssyrk(CblasColMajor, CblasLower, CblasTrans, n, static_cast<int>(count), 1.0F, columns,
                static_cast<int>(stride), 0.0F, product_.data(), n);
    parallel_for(as_size(n_), blas_threads(), [&](std::size_t j) {
        const auto c = static_cast<Eigen::Index>(j);
        sum_.col(c).tail(n_ - c) += product_.col(c).tail(n_ - c).cast<double>();
    });
}

void GramAccumulator::add_double(const float* columns, std::int64_t stride, std::int64_t count) {
    const Eigen::Map<const RowMatrixF, 0, Eigen::OuterStride<>> x(columns, n_, count,
                                                                 Eigen::OuterStride<>(stride));
    std::vector<Eigen::Index> moving;
    for (Eigen::Index c = 0; c < count; ++c)
        if ((x.col(c).array() != x(0, c)).any()) moving.push_back(c);
    if (moving.empty()) return;
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> wide(n_, static_cast<Eigen::Index>(moving.size()));
    for (Eigen::Index i = 0; i < n_; ++i)
        for (std::size_t c = 0; c < moving.size(); ++c) wide(i, static_cast<Eigen::Index>(c)) = static_cast<double>(x(i, moving[c]));
    const int n = static_cast<int>(n_), width = static_cast<int>(moving.size());
    cblas_dsyrk(CblasColMajor, CblasLower, CblasTrans, n, width, 1.0, wide.data(), width, 1.0, sum_.data(), n);
}

void GramAccumulator::add_panel(float* panel, std::int64_t width) {
    if (n_ == 0 || width == 0) return;
    subtract_pilot(panel, width);
    for (std::int64_t first = 0; first < width; first += chunk) {
        const std::int64_t count = std::min(chunk, width - first);
        if (precise_) add_double(panel + first, width, count);
        else add_single(panel + first, width, count);
    }
    // A value that is not finite reaches the diagonal of its row.
    for (std::int64_t i = 0; i < n_; ++i)
        if (!std::isfinite(sum_(i, i)))
            throw RunFailed(fmt::format("features of image {} are not finite", i),
                            "do the backbone's weights hold NaN, or has its tuning diverged?");
}

Eigen::MatrixXd GramAccumulator::finish() {
    // Tiles keep both the read and the written side in cache.
    constexpr Eigen::Index tile = 64;
    const std::int64_t tiles = (n_ + tile - 1) / tile;
    parallel_for(as_size(tiles), blas_threads(), [&](std::size_t t) {
        const Eigen::Index j = static_cast<Eigen::Index>(t) * tile;
        const Eigen::Index columns = std::min<Eigen::Index>(tile, n_ - j);
        for (Eigen::Index c = j; c < j + columns; ++c)
            for (Eigen::Index i = c + 1; i < j + columns; ++i) sum_(c, i) = sum_(i, c);
        for (Eigen::Index i = j + tile; i < n_; i += tile) {
            const Eigen::Index rows = std::min<Eigen::Index>(tile, n_ - i);
            sum_.block(j, i, columns, rows) = sum_.block(i, j, rows, columns).transpose();
        }
    });
    product_.resize(0, 0);
    return std::move(sum_);
}

}  // namespace cortune::linalg
