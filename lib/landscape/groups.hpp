// SPDX-License-Identifier: BSD-3-Clause
// Do models of one kind (subject, hemisphere, region, method) lie closer to each other than to others?
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <string>
#include <vector>

namespace cortune::landscape {

struct Factor {
    std::string name;
    std::vector<std::string> label;  // of every model
};

struct GroupDistance {
    std::string factor;
    std::int64_t within_pairs = 0, between_pairs = 0;
    double within = 0, between = 0;  // mean distances of pairs with the same label, and with different ones
    double effect = 0;               // (between − within) / pooled standard deviation of the pairs' distances (Cohen's d)
    double p = 1;                    // one-sided, of between − within: (1 + #{as large}) / (1 + permutations)
    std::string exchange;            // "within others": labels change places among models that share all other factors; "free"
};

// Labels change places among models that are equal in all other factors, so that what these do is no evidence of this one;
// where no two such models differ in it, among all ("free": then a factor that goes along with another shows its effect too).
// Factors whose labels are all equal or all different are left out. Distances are of all models.
std::vector<GroupDistance> compare_groups(const Eigen::MatrixXd& distance, const std::vector<Factor>& factors, std::int64_t permutations, std::uint64_t seed);

}  // namespace cortune::landscape
