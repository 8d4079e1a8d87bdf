// SPDX-License-Identifier: BSD-3-Clause
#include "stats/correlation.hpp"

#include <map>

namespace cortune::stats {

std::vector<std::vector<Eigen::Index>> groups_of(std::span<const std::int16_t> fold) {
    std::map<std::int16_t, std::vector<Eigen::Index>> by_fold;
    for (std::size_t i = 0; i < fold.size(); ++i)
        by_fold[fold[i]].push_back(static_cast<Eigen::Index>(i));
    std::vector<std::vector<Eigen::Index>> out;
    for (auto& [unused, images] : by_fold)
        if (images.size() >= 2) out.push_back(std::move(images));
    return out;
}

Eigen::VectorXd grouped_pearson(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b,
                                const std::vector<std::vector<Eigen::Index>>& groups) {
    Eigen::VectorXd sum = Eigen::VectorXd::Zero(a.cols());
    for (const auto& images : groups) {
        const Eigen::MatrixXf part_a = a(images, Eigen::all), part_b = b(images, Eigen::all);
        for (Eigen::Index v = 0; v < a.cols(); ++v) sum(v) += pearson(part_a.col(v), part_b.col(v));
    }
    return sum / static_cast<double>(groups.size());  // no group: NaN
}

}  // namespace cortune::stats
