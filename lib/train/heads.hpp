// SPDX-License-Identifier: BSD-3-Clause
// What is put on a backbone while it is tuned: the contrastive branches with their
// shared projection head, or the regression read-out.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <utility>

#include "train/adam.hpp"

namespace cortune::train {

struct HeadSizes {
    std::int64_t outputs = 0;     // width of the backbone's last layer
    std::int64_t voxels = 0;      // V
    std::int64_t embedding = 0;   // h
    std::int64_t projection = 0;  // z
};

// h = int(.8 V) and z = int(.2 V), at least 1, where not given (negative).
HeadSizes head_sizes(std::int64_t outputs, std::int64_t voxels, int embedding, int projection);

// Linear layers start uniform in ±1/sqrt(fan_in), batch norms at 1 and 0 (PyTorch's
// defaults), drawn from the seed by parameter, so that they do not depend on LibTorch.
class Heads {
  public:
    Heads(bool contrastive, const HeadSizes& sizes, std::int64_t seed, torch::ScalarType dtype, torch::Device device);

    NamedTensors& parameters() { return parameters_; }  // learned
    NamedTensors& buffers() { return buffers_; }        // running statistics

    // Embeddings (z_image, z_response), n × z each, from logits n × outputs and
    // responses n × V. In training mode the shared head sees the images first, then the
    // responses: each branch has its own batch statistics, the running ones mix both.
    std::pair<torch::Tensor, torch::Tensor> embed(const torch::Tensor& logits, const torch::Tensor& responses,
                                                  bool training);
    // Regression: n × V from logits.
    torch::Tensor predict(const torch::Tensor& logits) const;

  private:
    void linear(const std::string& name, std::int64_t out, std::int64_t in, bool bias);
    void norm(const std::string& name, std::int64_t width);
    torch::Tensor get(const std::string& name) const;
    torch::Tensor project(torch::Tensor x, bool training);

    NamedTensors parameters_, buffers_;
    std::int64_t seed_;
    torch::TensorOptions options_;
};

}  // namespace cortune::train
