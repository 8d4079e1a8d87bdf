// SPDX-License-Identifier: BSD-3-Clause
// Maps of models from their distances: InPCA, which keeps the sign of its eigenvalues, and classical scaling.
#pragma once

#include <Eigen/Core>

namespace cortune::landscape {

// Axes by |eigenvalue|, descending. An axis with a negative eigenvalue is imaginary: along it squared distances count
// negatively.
struct Embedding {
    Eigen::VectorXd eigenvalue;   // signed
    Eigen::MatrixXd coordinate;   // models × axes: V √|λ|, of each axis the largest entry positive
    Eigen::VectorXd explained;    // by the first k axes: 1 − √(1 − Σ_{≤k} λ² / ‖W‖²_F)
};

// InPCA (Quinn et al. 2019): W = −½ L D L with L = I − 11ᵀ/m, of D as it is. All m axes; those of rounding alone are 0.
Embedding inpca(const Eigen::MatrixXd& divergence);
// Classical multidimensional scaling (Torgerson 1952): the same of squared distances.
Embedding classical_scaling(const Eigen::MatrixXd& distance);

// Where a model that had no part in `map` lies, by its divergences d from those that had (Gower 1968):
// −½ (d − mean_row(D) − mean(d) + mean(D)) · V / (sign(λ) √|λ|). Axes without extent are 0.
Eigen::RowVectorXd place(const Embedding& map, const Eigen::MatrixXd& divergence, const Eigen::VectorXd& d);

}  // namespace cortune::landscape
