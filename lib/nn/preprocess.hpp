// SPDX-License-Identifier: BSD-3-Clause
// The one place where stored pixels become what a network is fed.
#pragma once

#include "nn/torch.hpp"

namespace cortune::nn {

// uint8 (N, H, W, 3) on any device → (pixels / 255 − mean) / std as (N, 3, H, W) in
// channels-last memory, computed in float32 (float64 for `dtype` float64), on `device`.
torch::Tensor normalise(const torch::Tensor& pixels, torch::ScalarType dtype, torch::Device device);

}  // namespace cortune::nn
