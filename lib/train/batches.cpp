// SPDX-License-Identifier: BSD-3-Clause
#include "train/batches.hpp"

#include <algorithm>

#include "core/hash.hpp"
#include "core/random.hpp"

namespace cortune::train {

std::vector<std::vector<std::int64_t>> epoch_batches(std::int64_t n, std::int64_t batch, std::int64_t seed,
                                                     std::uint64_t stream) {
    Rng rng(static_cast<std::uint64_t>(seed), stream);
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

std::vector<SubjectBatch> pooled_batches(const std::vector<std::string>& names, const std::vector<std::int64_t>& images, std::int64_t batch,
                                         std::int64_t seed, std::int64_t epoch, bool interleaved) {
    const auto number = static_cast<std::uint64_t>(epoch);
    std::vector<SubjectBatch> out;
    for (std::size_t s = 0; s < names.size(); ++s) {
        const std::uint64_t stream = names.size() == 1 ? number : mix64(hash64("pool/" + names[s]) + number);
        for (auto& one : epoch_batches(images.at(s), batch, seed, stream)) out.push_back({s, std::move(one)});
    }
    if (interleaved) {
        Rng rng(static_cast<std::uint64_t>(seed), mix64(hash64("pool order") + number));
        rng.shuffle(out);
    }
    return out;
}

}  // namespace cortune::train
