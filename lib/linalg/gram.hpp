// SPDX-License-Identifier: BSD-3-Clause
// The Gram matrix of a layer's features from column panels.
#pragma once

#include <Eigen/Core>
#include <cstdint>

namespace cortune::linalg {

using RowMatrixF = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// G = (X − 1mᵀ)(X − 1mᵀ)ᵀ for X of n images × d features, fed panel by panel. The
// pilot mean m keeps float32 products accurate (features are far from zero); which m
// does not matter to any later step, since centring is exact algebra on G. Products
// are float32 (ssyrk), sums across panels double.
class GramAccumulator {
  public:
    // `live`, where known, is the number of features that are not constant: a layer with no
    // more of them than images has a singular G, and the noise of float32 products would
    // pass for components that the features do not have. Products of such layers are double
    // (and skip constant columns, so that dead units cost nothing).
    explicit GramAccumulator(std::int64_t n, std::int64_t live = -1);
    // panel: n × width, row-major, row stride `width`. Subtracts in place the mean of
    // up to 64 rows spread over the panel, then adds its products. Values that are not
    // finite throw RunFailed.
    void add_panel(float* panel, std::int64_t width);
    // Symmetric, n × n. Ends the accumulation.
    Eigen::MatrixXd finish();

  private:
    void add_single(const float* columns, std::int64_t stride, std::int64_t count);
    void add_double(const float* columns, std::int64_t stride, std::int64_t count);
    void subtract_pilot(float* panel, std::int64_t width) const;

    std::int64_t n_;
    bool precise_;
    Eigen::MatrixXd sum_;      // lower triangle
    Eigen::MatrixXf product_;  // lower triangle of the products of one panel
};

}  // namespace cortune::linalg
