// SPDX-License-Identifier: BSD-3-Clause
// Dropout whose masks depend on (seed, epoch, image, layer, unit) alone: never on the
// order of a batch or on how many processes share it.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

namespace cortune::train {

// One key an image, from its id.
std::vector<std::uint64_t> image_keys(const std::vector<std::string>& ids);

// x: (images, …); keys: of its images. Each unit is kept with probability 1 − p and
// scaled by 1 / (1 − p), as in PyTorch; unit numbers follow C order.
torch::Tensor dropout(const torch::Tensor& x, double p, std::int64_t seed, std::int64_t epoch, int layer,
                      const std::vector<std::uint64_t>& keys);

}  // namespace cortune::train
