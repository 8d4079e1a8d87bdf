// SPDX-License-Identifier: BSD-3-Clause
// Principal components of a set of images from their Gram matrix.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <span>

namespace cortune::linalg {

// exact: LAPACK's divide and conquer on the whole matrix. fast: the leading k only, from
// a block Krylov space (linalg/eigen_solvers.hpp). automatic: fast where fast_pays.
enum class PcaMode { automatic, exact, fast };

// With the centred kernel K = U Λ Uᵀ of the fitting images: PCA scores are U Λ^½.
struct KernelPca {
    Eigen::MatrixXd vectors;  // U: n × k, orthonormal columns
    Eigen::VectorXd values;   // Λ: k, descending, all above n·ε·λmax
};

// Whether the fast solver is the quicker one for k components of n images.
bool fast_pays(std::int64_t n, std::int64_t k);

// PCA of the images `rows` of a Gram matrix with at most k components. `features` is the layer's width: where it is at
// most half the number of images, the matrix, whose products are double there (linalg/gram.hpp), has no higher rank, and is
// decomposed exactly by that, unless the fast solver was asked for or pays and needs fewer columns still.
KernelPca kernel_pca(const Eigen::MatrixXd& gram, std::span<const std::int64_t> rows,
                     std::int64_t k, std::int64_t features, PcaMode mode);

// Cross-kernel of `others` against the fitting images `rows`, centred with the
// fitting images' mean: (x_o − x̄)·(x_r − x̄), others × rows.
Eigen::MatrixXd centred_cross(const Eigen::MatrixXd& gram, std::span<const std::int64_t> others,
                              std::span<const std::int64_t> rows);

}  // namespace cortune::linalg
