// SPDX-License-Identifier: BSD-3-Clause
#include "linalg/kernel_pca.hpp"

#include <algorithm>
#include <limits>

#include "linalg/eigen_solvers.hpp"

namespace cortune::linalg {
namespace {

using Rows = std::span<const std::int64_t>;

Eigen::MatrixXd cut(const Eigen::MatrixXd& gram, Rows rows, Rows columns) {
    const auto n = static_cast<Eigen::Index>(rows.size());
    Eigen::MatrixXd out(n, static_cast<Eigen::Index>(columns.size()));
    for (Eigen::Index j = 0; j < out.cols(); ++j) {
        const double* source = gram.col(columns[static_cast<std::size_t>(j)]).data();
        for (Eigen::Index i = 0; i < n; ++i) out(i, j) = source[rows[static_cast<std::size_t>(i)]];
    }
    return out;
}

// In place: (I − 11ᵀ/n) K (I − 11ᵀ/n).
void centre(Eigen::MatrixXd& kernel) {
    const Eigen::VectorXd mean = kernel.rowwise().mean();
    const double grand = mean.mean();
    for (Eigen::Index j = 0; j < kernel.cols(); ++j)
        kernel.col(j).array() += grand - mean(j) - mean.array();
}

KernelPca leading(Eigenpairs pairs, std::int64_t k, Eigen::Index n) {
    const double largest = pairs.values.size() > 0 ? std::max(0.0, pairs.values(0)) : 0.0;
    const double floor = static_cast<double>(n) * std::numeric_limits<double>::epsilon() * largest;
    Eigen::Index kept = 0;
    while (kept < std::min<Eigen::Index>(k, pairs.values.size()) && pairs.values(kept) > floor)
        ++kept;
    return {pairs.vectors.leftCols(kept), pairs.values.head(kept)};
}

}  // namespace

bool fast_pays(std::int64_t n, std::int64_t k) { return n >= 1500 && n >= 6 * k; }

KernelPca kernel_pca(const Eigen::MatrixXd& gram, std::span<const std::int64_t> rows,
                     std::int64_t k, std::int64_t features, PcaMode mode) {
    Eigen::MatrixXd kernel = cut(gram, rows, rows);
    centre(kernel);
    const Eigen::Index n = kernel.rows();
    k = std::clamp<std::int64_t>(std::min(k, features), 0, std::max<Eigen::Index>(n - 1, 0));
    if (mode == PcaMode::automatic) mode = fast_pays(n, k) ? PcaMode::fast : PcaMode::exact;
    const bool narrow = 2 * features <= n;
    // A Krylov basis of most of the space costs more than the whole decomposition.
    if (mode == PcaMode::fast && krylov_columns(k) < (narrow ? features : n / 2))
        return leading(leading_eigenpairs(kernel, k), k, n);
    if (narrow) return leading(low_rank_eigenpairs(std::move(kernel), k), k, n);
    return leading(all_eigenpairs(std::move(kernel)), k, n);
}

Eigen::MatrixXd centred_cross(const Eigen::MatrixXd& gram, std::span<const std::int64_t> others,
                              std::span<const std::int64_t> rows) {
    // (x_o − x̄)·(x_r − x̄) = G_or − mean_r' G_or' − mean_r' G_rr' + mean_r'r'' G_r'r''
    Eigen::MatrixXd cross = cut(gram, others, rows);
    const Eigen::VectorXd of_other = cross.rowwise().mean();
    Eigen::VectorXd of_row(cross.cols());
    for (Eigen::Index j = 0; j < cross.cols(); ++j) {
        const double* column = gram.col(rows[static_cast<std::size_t>(j)]).data();
        double sum = 0;
        for (const std::int64_t r : rows) sum += column[r];
        of_row(j) = sum / static_cast<double>(rows.size());
    }
    const double grand = of_row.mean();
    for (Eigen::Index j = 0; j < cross.cols(); ++j)
        cross.col(j).array() += grand - of_row(j) - of_other.array();
    return cross;
}

}  // namespace cortune::linalg
