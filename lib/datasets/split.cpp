// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/split.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/hash.hpp"

namespace cortune::datasets {

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
