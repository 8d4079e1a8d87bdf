// SPDX-License-Identifier: BSD-3-Clause
#include "train/dropout.hpp"

#include <ATen/Parallel.h>

#include "core/hash.hpp"
#include "core/parallel.hpp"
#include "core/random.hpp"

namespace cortune::train {
namespace {

using torch::Tensor;

constexpr std::uint64_t golden = 0x9e3779b97f4a7c15ULL;

// A unit is dropped where its 32 random bits lie below p · 2^32; one hash serves two units.
std::uint32_t threshold_of(double p) { return static_cast<std::uint32_t>(std::min(p * 0x1p32, 0x1p32 - 1)); }
float scale_of(double p) { return static_cast<float>(1 / (1 - p)); }

// What unsigned 64-bit numbers do, in signed ones: products and sums wrap alike, shifts let the sign in.
std::int64_t as_signed(std::uint64_t x) { return static_cast<std::int64_t>(x); }
Tensor shifted(const Tensor& x, std::int64_t bits) { return x.bitwise_right_shift(bits).bitwise_and_((std::int64_t{1} << (64 - bits)) - 1); }

// core/random.hpp's, element by element.
Tensor mix64(Tensor x) {
    x = x.add(as_signed(golden));
    x = x.bitwise_xor(shifted(x, 30)).mul_(as_signed(0xbf58476d1ce4e5b9ULL));
    x = x.bitwise_xor(shifted(x, 27)).mul_(as_signed(0x94d049bb133111ebULL));
    return x.bitwise_xor(shifted(x, 31));
}

}  // namespace

std::vector<std::uint64_t> image_keys(const std::vector<std::string>& ids) {
    std::vector<std::uint64_t> keys;
    for (const auto& id : ids) keys.push_back(hash64(id));
    return keys;
}

Tensor mask_by_loop(std::uint64_t run, double p, std::int64_t units, const std::vector<std::uint64_t>& keys) {
    const auto images = static_cast<std::int64_t>(keys.size());
    const auto threshold = threshold_of(p);
    const float scale = scale_of(p);
    auto mask = torch::empty({images, units}, torch::kFloat32);
    float* out = mask.data_ptr<float>();
    const std::int64_t grain = (1 << 16) / units + 1;
    parallel_pieces(images, grain, at::get_num_threads(), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            const std::uint64_t key = cortune::mix64(run ^ keys[static_cast<std::size_t>(i)]);
            float* row = out + i * units;
            for (std::int64_t u = 0; u < units; u += 2) {
                const std::uint64_t bits = cortune::mix64(key + golden * static_cast<std::uint64_t>(u));
                row[u] = static_cast<std::uint32_t>(bits) < threshold ? 0.f : scale;
                if (u + 1 < units) row[u + 1] = static_cast<std::uint32_t>(bits >> 32) < threshold ? 0.f : scale;
            }
        }
    });
    return mask;
}

Tensor mask_by_tensors(std::uint64_t run, double p, std::int64_t units, const std::vector<std::uint64_t>& keys, torch::Device device) {
    std::vector<std::int64_t> own;
    for (const auto key : keys) own.push_back(as_signed(cortune::mix64(run ^ key)));
    const Tensor number = torch::arange(0, units, 2, torch::TensorOptions().dtype(torch::kInt64).device(device)).mul_(as_signed(golden));
    const Tensor bits = mix64(torch::tensor(own, torch::kInt64).to(device).unsqueeze(1).add(number.unsqueeze(0)));
    const Tensor both = torch::stack({bits.bitwise_and(std::int64_t{0xffffffff}), shifted(bits, 32)}, 2).flatten(1).narrow(1, 0, units);
    return both.ge(static_cast<std::int64_t>(threshold_of(p))).to(torch::kFloat32).mul_(scale_of(p));
}

Tensor dropout(const Tensor& x, double p, std::int64_t seed, std::int64_t epoch, int layer, const std::vector<std::uint64_t>& keys) {
    if (p <= 0) return x;
    const std::uint64_t run = cortune::mix64(cortune::mix64(cortune::mix64(static_cast<std::uint64_t>(seed)) + static_cast<std::uint64_t>(epoch)) + static_cast<std::uint64_t>(layer));
    const auto units = x.numel() / x.size(0);
    const Tensor mask = x.is_cpu() ? mask_by_loop(run, p, units, keys) : mask_by_tensors(run, p, units, keys, x.device());
    return x * mask.view(x.sizes()).to(x.scalar_type());
}

}  // namespace cortune::train
