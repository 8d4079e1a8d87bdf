// SPDX-License-Identifier: BSD-3-Clause
// Eigenpairs of a symmetric positive semi-definite matrix: all of them, or the leading
// ones by a block Krylov method.
#pragma once

#include <Eigen/Core>
#include <cstdint>

namespace cortune::linalg {

struct Eigenpairs {
    Eigen::MatrixXd vectors;  // n × m, orthonormal columns
    Eigen::VectorXd values;   // m, descending
};

// All n pairs (LAPACK dsyevd). Takes about 3 n² doubles. Throws RunFailed when LAPACK
// does not converge.
Eigenpairs all_eigenpairs(Eigen::MatrixXd matrix);

// At most the leading k pairs, exactly, of a matrix of n rows whose rank r is small and whose noise is that of double: a
// pivoted Cholesky factor A = L Lᵀ (LAPACK dpstrf, until what is left is rounding), then the pairs of the r × r matrix
// LᵀL = V Λ Vᵀ; vectors L V Λ^-½. n r² + r³ operations in place of n³. Vectors are orthonormal to ε·λmax/λ. Throws RunFailed
// for what is not finite.
Eigenpairs low_rank_eigenpairs(Eigen::MatrixXd matrix, std::int64_t k);

// Columns of the basis that the leading k pairs are first looked for in.
std::int64_t krylov_columns(std::int64_t k);

// The leading k pairs (k ≪ n), approximately: Rayleigh–Ritz in the block Krylov space
// span{S, A S, A² S, …} with full reorthogonalisation (Golub & Underwood 1977; Musco &
// Musco 2015, arXiv 1504.05477, for its accuracy), S random with a fixed seed. The basis
// grows until the worst of the k residuals ‖A x − θ x‖ is small against θ. Leading vectors
// converge first; those next to the k-th stay mixed with neighbours of nearly its eigenvalue.
Eigenpairs leading_eigenpairs(const Eigen::MatrixXd& matrix, std::int64_t k);

}  // namespace cortune::linalg
