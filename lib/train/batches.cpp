// SPDX-License-Identifier: BSD-3-Clause
#include "train/batches.hpp"

#include <algorithm>

#include "core/random.hpp"

namespace cortune::train {

std::vector<std::vector<std::int64_t>> epoch_batches(std::int64_t n, std::int64_t batch, std::int64_t seed,
                                                     std::int64_t epoch) {
    Rng rng(static_cast<std::uint64_t>(seed), static_cast<std::uint64_t>(epoch));
    const auto order = rng.permutation(n);
    std::vector<std::vector<std::int64_t>> out;
    for (std::int64_t first = 0; first < n;) {
        std::int64_t count = std::min(batch, n - first);
        if (n - first - count == 1) ++count;
        out.emplace_back(order.begin() + first, order.begin() + first + count);
        std::sort(out.back().begin(), out.back().end());
        first += count;
    }
    return out;
}

}  // namespace cortune::train
