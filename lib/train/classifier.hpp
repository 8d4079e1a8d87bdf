// SPDX-License-Identifier: BSD-3-Clause
// Training a backbone from scratch on labelled pictures, by cross-entropy.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/reporter.hpp"
#include "nn/backbone.hpp"
#include "nn/torch.hpp"
#include "train/options.hpp"
#include "weights/model_file.hpp"

namespace cortune::train {

struct LabelledImages {
    torch::Tensor pixels;               // uint8 (n, size, size, 3)
    torch::Tensor labels;               // int64 (n)
    std::vector<std::string> classes;   // sorted folder names
    std::string sha256;                 // of all names and files (images/source.hpp)
};

// <folder>/<class>/*.png|jpg, resized to `size`. `classes`: those expected (empty: any).
LabelledImages read_labelled(const std::filesystem::path& folder, int size, int threads,
                             const std::vector<std::string>& classes);

struct Accuracy {
    double top1 = 0, top5 = 0;  // shares
    double loss = 0;            // mean cross-entropy, nats
};

// Class c is output c of the backbone; outputs beyond the classes keep their random
// start. The pictures of a batch are mirrored together, in half of the batches. The learning
// rate falls to 0 along a cosine. Returns losses and rates per epoch. Throws RunFailed where loss
// or weights are not finite.
weights::History train_classifier(nn::Backbone& backbone, const LabelledImages& train, const LabelledImages& validation,
                      const ClassifierOptions& options, std::int64_t seed, torch::Device device, Reporter& reporter);

Accuracy accuracy(const nn::Backbone& backbone, const LabelledImages& images, torch::Device device);

}  // namespace cortune::train
