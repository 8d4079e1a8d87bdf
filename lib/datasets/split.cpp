// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "core/hash.hpp"

namespace cortune::datasets {

std::vector<std::string> side_ids(const std::vector<std::string>& ids, const std::vector<std::string>& sha256) {
    std::unordered_map<std::string, std::string> least;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto [known, added] = least.emplace(sha256.at(i), ids[i]);
        if (!added) known->second = std::min(known->second, ids[i]);
    }
    std::vector<std::string> out;
    for (const auto& hash : sha256) out.push_back(least.at(hash));
    return out;
}

Split split_of(const std::string& id, std::int64_t seed, double test_share) {
    return hash_unit(fmt::format("{}/{}", seed, id)) < test_share ? Split::test : Split::train;
}

int fold_of(const std::string& id, std::int64_t seed, int folds) {
    const double u = hash_unit(fmt::format("{}/fold/{}", seed, id));
    return std::min(static_cast<int>(u * folds), folds - 1);
}

bool inner_validation(const std::string& id, std::int64_t seed, double share) {
    return hash_unit(fmt::format("{}/inner/{}", seed, id)) < share;
}

}  // namespace cortune::datasets
