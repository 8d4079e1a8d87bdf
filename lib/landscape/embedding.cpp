// SPDX-License-Identifier: BSD-3-Clause
#include "landscape/embedding.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/error.hpp"

namespace cortune::landscape {

Embedding inpca(const Eigen::MatrixXd& divergence) {
    const auto m = divergence.rows();
    const Eigen::VectorXd mean = divergence.rowwise().mean();
    const Eigen::MatrixXd w = -.5 * (((divergence.colwise() - mean).rowwise() - mean.transpose()).array() + mean.mean()).matrix();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(w);
    if (solver.info() != Eigen::Success) throw RunFailed("the eigenvalues of the models' divergences do not converge");
    std::vector<Eigen::Index> order(static_cast<std::size_t>(m));
    std::iota(order.begin(), order.end(), 0);
    const auto& value = solver.eigenvalues();
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return std::abs(value(a)) > std::abs(value(b)); });
    Embedding out{Eigen::VectorXd(m), Eigen::MatrixXd(m, m), Eigen::VectorXd(m)};
    const double all = value.squaredNorm(), floor = static_cast<double>(m) * std::numeric_limits<double>::epsilon() * std::abs(value(order[0]));
    double sum = 0;
    for (Eigen::Index k = 0; k < m; ++k) {
        const auto at = order[static_cast<std::size_t>(k)];
        out.eigenvalue(k) = std::abs(value(at)) > floor ? value(at) : 0;
        Eigen::VectorXd axis = solver.eigenvectors().col(at);
        Eigen::Index largest = 0;
        axis.cwiseAbs().maxCoeff(&largest);
        if (axis(largest) < 0) axis = -axis;
        out.coordinate.col(k) = axis * std::sqrt(std::abs(out.eigenvalue(k)));
        sum += value(at) * value(at);
        out.explained(k) = all > 0 ? 1 - std::sqrt(std::max(0., 1 - sum / all)) : 0;
    }
    return out;
}

Embedding classical_scaling(const Eigen::MatrixXd& distance) { return inpca(distance.cwiseAbs2()); }

Eigen::RowVectorXd place(const Embedding& map, const Eigen::MatrixXd& divergence, const Eigen::VectorXd& d) {
    const Eigen::VectorXd centred = -.5 * ((d - divergence.rowwise().mean()).array() - d.mean() + divergence.mean()).matrix();
    Eigen::RowVectorXd out = Eigen::RowVectorXd::Zero(map.eigenvalue.size());
    // V / (sign √|λ|) is coordinate / λ.
    for (Eigen::Index k = 0; k < out.size(); ++k)
        if (map.eigenvalue(k) != 0) out(k) = centred.dot(map.coordinate.col(k)) / map.eigenvalue(k);
    return out;
}

}  // namespace cortune::landscape
