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

// Columns of the basis that the leading k pairs are looked for in.
std::int64_t krylov_columns(std::int64_t k);

// The leading pairs, at least k of them (k ≪ n), approximately: Rayleigh–Ritz in the block
// Krylov space span{S, A S, A² S, …} with full reorthogonalisation (Golub & Underwood
// 1977; Musco & Musco 2015, arXiv 1504.05477, for its accuracy). S is `start`, filled up or
// cut to the block size, or random with a fixed seed. Leading vectors converge first;
// those near the k-th are mixed with their neighbours, which have nearly its eigenvalue.
Eigenpairs leading_eigenpairs(const Eigen::MatrixXd& matrix, std::int64_t k,
                              const Eigen::MatrixXd* start);

}  // namespace cortune::linalg
