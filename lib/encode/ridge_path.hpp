// SPDX-License-Identifier: BSD-3-Clause
// Ridge on the principal components of one set of fitting images, for several penalties
// at once and for images that were not fitted.
//
// With the centred kernel of the fitting images K = U Λ Uᵀ, their PCA scores are U Λ^½
// and those of other images T = K_other U Λ^-½. Ridge with intercept on the scores then is
//   ŷ(α) = T · diag(Λ^½ / (Λ + α)) · Uᵀ (Y − ȳ) + ȳ
// so that U and T are made once and every α is one diagonal scaling. Decomposition,
// scores and scaling are double; the products with responses are float32, which keeps
// predictions within about 1e-6 of the responses' spread.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "linalg/kernel_pca.hpp"

namespace cortune::encode {

// Responses of some images and a block of voxels (columns), made ready to be fitted.
struct CentredResponses {
    Eigen::MatrixXf values;      // images × voxels, column means removed; 0 where unusable
    Eigen::VectorXd mean;        // voxels
    std::vector<char> usable;    // voxels: finite and not constant
};
CentredResponses centred_responses(const Eigen::MatrixXf& y, const std::vector<std::int64_t>& rows,
                                   Eigen::Index first, Eigen::Index count);

class RidgePath {
  public:
    // fit, target: rows of the Gram matrix. `components` is capped at fit − 1 and at `features`, the layer's width.
    RidgePath(const Eigen::MatrixXd& gram, std::vector<std::int64_t> fit, std::vector<std::int64_t> target,
              std::int64_t components, std::int64_t features, linalg::PcaMode mode);

    const std::vector<std::int64_t>& fit() const { return fit_; }
    const std::vector<std::int64_t>& target() const { return target_; }
    Eigen::Index components() const { return values_.size(); }

    // Lays out the scaled scores of every α for `predict_all`.
    void prepare(const std::vector<double>& alphas);
    // Uᵀ (Y − ȳ): components × voxels.
    Eigen::MatrixXf project(const Eigen::MatrixXf& centred) const;
    // Predictions without ȳ, rows [a · targets, (a + 1) · targets) for the a-th α.
    Eigen::MatrixXf predict_all(const Eigen::MatrixXf& projected) const;
    // The same for one α, in double: targets × voxels.
    Eigen::MatrixXd predict_precisely(const Eigen::MatrixXf& projected, double alpha) const;
    // As `predict_all` with one α per voxel: targets × voxels.
    Eigen::MatrixXf predict(Eigen::MatrixXf projected, const Eigen::VectorXd& alpha) const;

  private:
    std::vector<std::int64_t> fit_, target_;
    Eigen::VectorXd values_;   // Λ
    Eigen::MatrixXf vectors_;  // U
    Eigen::MatrixXd scores_;   // T: targets × components
    Eigen::MatrixXf stacked_;  // (alphas · targets) × components
};

}  // namespace cortune::encode
