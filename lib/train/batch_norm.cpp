// SPDX-License-Identifier: BSD-3-Clause
#include "train/batch_norm.hpp"

namespace cortune::train {
namespace {

constexpr double momentum = .1, epsilon = 1e-5;

}  // namespace

torch::Tensor batch_norm(const torch::Tensor& x, NormTensors norm, bool training, const Rows& rows, const World& world) {
    if (!training || world.size() == 1)
        return torch::batch_norm(x, norm.weight, norm.bias, norm.running_mean, norm.running_var, training, momentum, epsilon, /*cudnn_enabled=*/true);
    const auto n = static_cast<double>(rows.total);
    const torch::Tensor mean = world.sum(x.sum(0)) / n;
    const torch::Tensor centred = x - mean;
    const torch::Tensor variance = world.sum(centred.square().sum(0)) / n;
    {
        torch::NoGradGuard no_gradients;
        norm.running_mean.mul_(1 - momentum).add_(mean, momentum);
        norm.running_var.mul_(1 - momentum).add_(variance, momentum * n / (n - 1));
    }
    return centred * (variance + epsilon).rsqrt() * norm.weight + norm.bias;
}

}  // namespace cortune::train
