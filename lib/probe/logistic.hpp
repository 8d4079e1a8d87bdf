// SPDX-License-Identifier: BSD-3-Clause
// Multinomial logistic regression with an L2 penalty, as scikit-learn's LogisticRegression minimises it:
//
//     C · Σ_i −log softmax(W x_i + b)[y_i]  +  ½ ‖W‖²        (the intercept b goes free)
//
// by L-BFGS on the whole batch (Nocedal 1980) with two savings. Along a direction D logits are linear, X(W + tD) =
// XW + t XD, so a line search costs no further product with X. And the metric that L-BFGS starts from is not a multiple
// of the identity but (s XᵀX/n + λI)⁻¹ with s the mean of p(1 − p): the Hessian where classes share one weight
// (Böhning's bound, 1992, has s = ½), so that correlated features do not cost iterations.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "linalg/gram.hpp"

namespace cortune::probe {

struct LogisticOptions {
    double c = 1;
    int max_iterations = 5000;
    double tolerance = 1e-9;  // what is left to gain of the objective by its quadratic model, nats an image (half the Newton decrement)
    int threads = 1;
    std::int64_t most_features = 8192;  // beyond it XᵀX costs more than it saves: the metric is a multiple of the identity
};

struct LogisticFit {
    Eigen::MatrixXf coef;       // features × classes
    Eigen::VectorXf intercept;  // classes
    int iterations = 0;
    bool converged = false;
};

// x: images × features, standardised (means near 0; what the metric is good for); label: 0 … classes − 1. `start`:
// where to begin, as from another C. Fewer images than features (and not more than most_features) are solved in the space of the images. Products are float32, sums over images double; equal results for equal threads.
// Throws RunFailed where a value is not finite or no step is found.
LogisticFit fit_logistic(const linalg::RowMatrixF& x, const std::vector<std::int32_t>& label, std::int64_t classes, const LogisticOptions& options,
                         const LogisticFit* start = nullptr);

// images × classes, rows sum to 1.
linalg::RowMatrixF probabilities(const LogisticFit& fit, const linalg::RowMatrixF& x);

}  // namespace cortune::probe
