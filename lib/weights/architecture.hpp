// SPDX-License-Identifier: BSD-3-Clause
// The parameters of the backbones that cortune knows, in torchvision's names.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "weights/state_dict.hpp"

namespace cortune::weights {

struct ParameterShape {
    std::string name;
    std::vector<std::int64_t> shape;
};

struct Architecture {
    std::string name;  // "alexnet", "alexnet-mini", "squeezenet1_1"
    int image_size;    // side of the pictures that it is fed by default
    int least_image_size;  // smaller ones leave nothing for its last pooling
    std::vector<ParameterShape> parameters;
    std::vector<std::string> default_taps;  // torchvision module names
};

// What every one of them is fed: pixels / 255, minus mean, over standard deviation.
inline constexpr std::array<double, 3> imagenet_mean = {.485, .456, .406};
inline constexpr std::array<double, 3> imagenet_std = {.229, .224, .225};

const std::vector<Architecture>& architectures();
// BadInput listing the known ones, nearest first.
const Architecture& architecture(const std::string& name);
// The same for a name on the command line: UsageError.
const Architecture& asked_architecture(const std::string& name);
// Throws BadInput naming `where` and the first tensor that is missing, extra or of
// another shape ("features.3.weight: expected (192, 64, 5, 5), found (…)").
void check_architecture(const StateDict& state, const Architecture& architecture,
                        const std::string& where);
// The architecture whose parameter names and shapes these are. When none fits: BadInput
// with the mismatch against the one that shares most tensors.
const Architecture& identify(const StateDict& state, const std::string& where);

}  // namespace cortune::weights
