// SPDX-License-Identifier: BSD-3-Clause
// Adam (Kingma & Ba 2015) with PyTorch's defaults and order of operations.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nn/torch.hpp"

namespace cortune::train {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

class Adam {
  public:
    // The parameters are leaves that require gradients; they are shared, not copied.
    // weight_decay is Adam's L2 term, added to the gradient.
    explicit Adam(NamedTensors parameters, double weight_decay = 0);
    // Parameters without a gradient stay still, moments included. Clears the
    // gradients to undefined: zeros would let the momentum move what had none.
    void step(double learning_rate);
    // For checkpoints: moments by parameter name, and the steps each has taken.
    NamedTensors moments() const;  // "<name>.m", "<name>.v"
    std::vector<std::int64_t> steps() const;
    void restore(const NamedTensors& moments, const std::vector<std::int64_t>& steps);

  private:
    struct Slot {
        std::string name;
        torch::Tensor parameter, m, v;
        std::int64_t steps = 0;
    };
    std::vector<Slot> slots_;
    double weight_decay_;
};

}  // namespace cortune::train
