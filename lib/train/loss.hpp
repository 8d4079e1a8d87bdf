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

// The same where an image may have several responses, as several subjects have: row j of b belongs to
// image owner[j], a row of a, and every image has one at least. Mean over images of the mean over their
// responses (Khosla et al. 2020, "out"); owner = 0, 1, … n − 1 is infonce.
torch::Tensor infonce_shared(const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& owner, double temperature);

// Mean of both directions (Radford et al. 2021).
torch::Tensor clip(const torch::Tensor& a, const torch::Tensor& b, double temperature);

// Mean squared error over images and voxels.
torch::Tensor mse(const torch::Tensor& prediction, const torch::Tensor& response);

}  // namespace cortune::train
