// SPDX-License-Identifier: BSD-3-Clause
// The losses of tuning.
#pragma once

#include <cstdint>

#include "nn/torch.hpp"
#include "train/world.hpp"

namespace cortune::train {

// Each loss is a mean over the n images of a batch. A process that has only the images first, first + 1, …
// of it gets their part of the mean: over all processes the parts add up to the loss.

// a: embeddings of these images (all n where nothing else is said); b: of all n responses. Mean over i of
// −log softmax_j(cos(a_i, b_j) / temperature) at j = i (van den Oord et al. 2018; one
// direction, as in Mulrooney & Brockmeier 2024). In nats; log n is chance.
torch::Tensor infonce(const torch::Tensor& a, const torch::Tensor& b, double temperature, std::int64_t first = 0);

// The same where an image may have several responses, as several subjects have: row j of b belongs to
// image owner[j] of the n, and every image has one at least. Mean over images of the mean over their
// responses (Khosla et al. 2020, "out"); owner = 0, 1, … n − 1 is infonce.
torch::Tensor infonce_shared(const torch::Tensor& a, const torch::Tensor& b, const torch::Tensor& owner, double temperature, const Rows& rows);

// Mean of both directions (Radford et al. 2021): these images among all responses, and their
// responses (own_b) among all images (all_a).
torch::Tensor clip(const torch::Tensor& own_a, const torch::Tensor& own_b, const torch::Tensor& all_a, const torch::Tensor& all_b, double temperature,
                   std::int64_t first = 0);

// Mean squared error over n images and voxels.
torch::Tensor mse(const torch::Tensor& prediction, const torch::Tensor& response, std::int64_t n);

}  // namespace cortune::train
