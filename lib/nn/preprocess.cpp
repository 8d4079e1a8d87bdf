// SPDX-License-Identifier: BSD-3-Clause
#include "nn/preprocess.hpp"

#include "weights/architecture.hpp"

namespace cortune::nn {

torch::Tensor normalise(const torch::Tensor& pixels, torch::ScalarType dtype, torch::Device device) {
    const auto work = dtype == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
    const auto options = torch::TensorOptions().dtype(work).device(device);
    const auto& m = weights::imagenet_mean;
    const auto& s = weights::imagenet_std;
    const auto mean = torch::tensor({m[0], m[1], m[2]}, torch::kFloat64).to(options);
    const auto std = torch::tensor({s[0], s[1], s[2]}, torch::kFloat64).to(options);
    // In NHWC the permuted view is channels-last already.
    return pixels.to(device).to(work).div_(255).sub_(mean).div_(std).to(dtype).permute({0, 3, 1, 2});
}

}  // namespace cortune::nn
