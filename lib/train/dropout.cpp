// SPDX-License-Identifier: BSD-3-Clause
#include "train/dropout.hpp"

#include <ATen/Parallel.h>

#include "core/hash.hpp"
#include "core/random.hpp"

namespace cortune::train {

std::vector<std::uint64_t> image_keys(const std::vector<std::string>& ids) {
    std::vector<std::uint64_t> keys;
    for (const auto& id : ids) keys.push_back(hash64(id));
    return keys;
}

torch::Tensor dropout(const torch::Tensor& x, double p, std::int64_t seed, std::int64_t epoch, int layer,
                      const std::vector<std::uint64_t>& keys) {
    if (p <= 0) return x;
    const auto images = x.size(0), units = x.numel() / x.size(0);
    const std::uint64_t run = mix64(mix64(mix64(static_cast<std::uint64_t>(seed)) + static_cast<std::uint64_t>(epoch)) +
                                    static_cast<std::uint64_t>(layer));
    // A unit is dropped where its 32 random bits lie below p · 2^32; one hash serves two.
    const auto threshold = static_cast<std::uint32_t>(std::min(p * 0x1p32, 0x1p32 - 1));
    const auto scale = static_cast<float>(1 / (1 - p));
    auto mask = torch::empty({images, units}, torch::kFloat32);
    float* out = mask.data_ptr<float>();
    at::parallel_for(0, images, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            const std::uint64_t key = mix64(run ^ keys[static_cast<std::size_t>(i)]);
            float* row = out + i * units;
            for (std::int64_t u = 0; u < units; u += 2) {
                const std::uint64_t bits = mix64(key + 0x9e3779b97f4a7c15ULL * static_cast<std::uint64_t>(u));
                row[u] = static_cast<std::uint32_t>(bits) < threshold ? 0.f : scale;
                if (u + 1 < units) row[u + 1] = static_cast<std::uint32_t>(bits >> 32) < threshold ? 0.f : scale;
            }
        }
    });
    return x * mask.view(x.sizes()).to(x.device(), x.scalar_type());
}

}  // namespace cortune::train
