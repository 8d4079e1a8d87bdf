// SPDX-License-Identifier: BSD-3-Clause
// Batch normalisation over the whole batch, however many processes share it.
#pragma once

#include "nn/torch.hpp"
#include "train/world.hpp"

namespace cortune::train {

struct NormTensors {
    torch::Tensor weight, bias, running_mean, running_var;  // one value a column
};

// x: this process's rows of the batch (rows.count × columns). PyTorch's definition and defaults
// (eps 1e-5, momentum 0.1, biased variance in the batch and unbiased in the running one). In training
// mode the statistics are those of all rows.total rows, with their gradient, and move the running
// ones; else the running ones are used.
torch::Tensor batch_norm(const torch::Tensor& x, NormTensors norm, bool training, const Rows& rows, const World& world);

}  // namespace cortune::train
