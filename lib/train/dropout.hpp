// SPDX-License-Identifier: BSD-3-Clause
// Dropout whose masks depend on (seed, epoch, image, layer, unit) alone: never on the
// order of a batch, on how many processes share it, or on the device.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/torch.hpp"

namespace cortune::train {

// One key an image, from its id.
std::vector<std::uint64_t> image_keys(const std::vector<std::string>& ids);

// x: (images, …); keys: of its images. Each unit is kept with probability 1 − p and
// scaled by 1 / (1 − p), as in PyTorch; unit numbers follow C order.
torch::Tensor dropout(const torch::Tensor& x, double p, std::int64_t seed, std::int64_t epoch, int layer,
                      const std::vector<std::uint64_t>& keys);

// What it multiplies with, (images × units), float32: 0 or 1 / (1 − p). `run` stands for seed, epoch and layer. The
// first is a loop on the CPU, the second the same in tensor operations, for GPUs.
torch::Tensor mask_by_loop(std::uint64_t run, double p, std::int64_t units, const std::vector<std::uint64_t>& keys);
torch::Tensor mask_by_tensors(std::uint64_t run, double p, std::int64_t units, const std::vector<std::uint64_t>& keys, torch::Device device);

}  // namespace cortune::train
