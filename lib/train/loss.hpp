// SPDX-License-Identifier: BSD-3-Clause
// The losses of tuning.
#pragma once

#include <torch/torch.h>

#include <string>

namespace cortune::train {

// Rows of a and b: the embeddings of the same n images and responses. Mean over i of
// −log softmax_j(cos(a_i, b_j) / temperature) at j = i (van den Oord et al. 2018; one
// direction, as in Mulrooney & Brockmeier 2024). In nats; log n is chance.
torch::Tensor infonce(const torch::Tensor& a, const torch::Tensor& b, double temperature);

// Mean of both directions (Radford et al. 2021).
torch::Tensor clip(const torch::Tensor& a, const torch::Tensor& b, double temperature);

// Mean squared error over images and voxels.
torch::Tensor mse(const torch::Tensor& prediction, const torch::Tensor& response);

}  // namespace cortune::train
