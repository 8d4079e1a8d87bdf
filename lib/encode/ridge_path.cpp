// SPDX-License-Identifier: BSD-3-Clause
#include "encode/ridge_path.hpp"

#include <algorithm>
#include <cmath>

namespace cortune::encode {

using Eigen::Index;

CentredResponses centred_responses(const Eigen::MatrixXf& y, const std::vector<std::int64_t>& rows,
                                   Index first, Index count) {
    CentredResponses out;
    const auto n = static_cast<Index>(rows.size());
    out.values.resize(n, count);
    out.mean.setZero(count);
    out.usable.assign(static_cast<std::size_t>(count), 0);
    for (Index v = 0; v < count; ++v) {
        const auto source = y.col(first + v);
        auto column = out.values.col(v);
        for (Index i = 0; i < n; ++i) column(i) = source(rows[static_cast<std::size_t>(i)]);
        // Exactly constant values have a variance of rounding errors: compare the values.
        if (n < 2 || !column.allFinite() || column.minCoeff() == column.maxCoeff()) {
            column.setZero();
            continue;
        }
        out.usable[static_cast<std::size_t>(v)] = 1;
        out.mean(v) = column.cast<double>().mean();
        column = (column.cast<double>().array() - out.mean(v)).matrix().cast<float>();
    }
    return out;
}

RidgePath::RidgePath(const Eigen::MatrixXd& gram, std::vector<std::int64_t> fit,
                     std::vector<std::int64_t> target, std::int64_t components,
                     std::int64_t features, linalg::PcaMode mode)
    : fit_(std::move(fit)), target_(std::move(target)) {
    const linalg::KernelPca pca = linalg::kernel_pca(gram, fit_, components, features, mode);
    values_ = pca.values;
    vectors_ = pca.vectors.cast<float>();
    scores_.noalias() = linalg::centred_cross(gram, target_, fit_) * pca.vectors;
    scores_ *= values_.cwiseSqrt().cwiseInverse().asDiagonal();
}

void RidgePath::prepare(const std::vector<double>& alphas) {
    const Index targets = scores_.rows();
    stacked_.resize(targets * static_cast<Index>(alphas.size()), components());
    for (std::size_t a = 0; a < alphas.size(); ++a) {
        const Eigen::VectorXd scale = values_.array().sqrt() / (values_.array() + alphas[a]);
        stacked_.middleRows(static_cast<Index>(a) * targets, targets) =
            (scores_ * scale.asDiagonal()).cast<float>();
    }
}

Eigen::MatrixXf RidgePath::project(const Eigen::MatrixXf& centred) const {
    return vectors_.transpose() * centred;
}

Eigen::MatrixXf RidgePath::predict_all(const Eigen::MatrixXf& projected) const {
    return stacked_ * projected;
}

Eigen::MatrixXd RidgePath::predict_precisely(const Eigen::MatrixXf& projected, double alpha) const {
    const Eigen::VectorXd scale = values_.array().sqrt() / (values_.array() + alpha);
    return scores_ * (scale.asDiagonal() * projected.cast<double>());
}

Eigen::MatrixXf RidgePath::predict(Eigen::MatrixXf projected, const Eigen::VectorXd& alpha) const {
    for (Index v = 0; v < projected.cols(); ++v)
        projected.col(v).array() *=
            (values_.array().sqrt() / (values_.array() + alpha(v))).cast<float>();
    return scores_.cast<float>() * projected;
}

}  // namespace cortune::encode
