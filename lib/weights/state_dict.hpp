// SPDX-License-Identifier: BSD-3-Clause
// Named float32 tensors without a tensor library: what weight files hold.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cortune::weights {

struct Tensor {
    std::string name;  // torchvision's: "features.0.weight"
    std::vector<std::int64_t> shape;
    std::vector<float> data;  // C order
};

// In file order; names are unique.
using StateDict = std::vector<Tensor>;

const Tensor* find(const StateDict& state, const std::string& name);  // nullptr: absent

}  // namespace cortune::weights
