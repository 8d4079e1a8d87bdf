// SPDX-License-Identifier: BSD-3-Clause
// What is put on a backbone while it is tuned: the contrastive branches with their
// shared projection head, or the regression read-out.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nn/torch.hpp"
#include "train/adam.hpp"
#include "train/options.hpp"
#include "train/world.hpp"
#include "weights/state_dict.hpp"

namespace cortune::train {

struct HeadSizes {
    std::int64_t outputs = 0;     // width of the backbone's last layer
    std::int64_t embedding = 0;   // h
    std::int64_t projection = 0;  // z
};

// A subject's responses: V columns. The name is empty where there is one subject.
struct Branch {
    std::string name;
    std::int64_t voxels = 0;
};

// Of one subject h = int(.8 V) and z = int(.2 V); pooled as TuningOptions says. At least 1, and as
// given where options.embedding and options.projection are. Throws UsageError for a pool that is none.
HeadSizes head_sizes(std::int64_t outputs, const std::vector<Branch>& branches, const TuningOptions& options);

// Those of a tuned contrastive model, by its heads' shapes.
HeadSizes head_sizes(const weights::StateDict& heads, const std::string& where);

// Linear layers start uniform in ±1/sqrt(fan_in), batch norms at 1 and 0 (PyTorch's
// defaults), drawn from the seed by parameter, so that they do not depend on LibTorch. Contrastive:
// "image", one "response" (of several subjects "response.<name>") each, "head"; else "readout" likewise.
class Heads {
  public:
    // `world` outlives the heads.
    Heads(bool contrastive, const HeadSizes& sizes, const std::vector<Branch>& branches, std::int64_t seed, torch::ScalarType dtype, torch::Device device,
          const World& world);

    NamedTensors& parameters() { return parameters_; }  // learned
    NamedTensors& buffers() { return buffers_; }        // running statistics

    // The values of a tuned model's heads: throws BadInput naming `where` and the first tensor that is missing or of another shape.
    void load(const weights::StateDict& state, const std::string& where);

    // n × h before the projection head.
    torch::Tensor hidden_images(const torch::Tensor& logits) const { return torch::linear(logits, get("image.weight")); }
    torch::Tensor hidden_responses(std::size_t branch, const torch::Tensor& responses) const;
    // n × z of n × h.
    torch::Tensor project(torch::Tensor hidden, bool training, const Rows& rows);
    // Embeddings n × z, of images from logits n × outputs, of responses n × V of a branch, n = rows.count
    // of a batch. In training mode each call has its own batch statistics and moves the running ones: the
    // shared head sees the images first, then the responses.
    torch::Tensor embed_images(const torch::Tensor& logits, bool training, const Rows& rows);
    torch::Tensor embed_responses(std::size_t branch, const torch::Tensor& responses, bool training, const Rows& rows);
    // Regression: n × V of a branch from logits.
    torch::Tensor predict(std::size_t branch, const torch::Tensor& logits) const;

  private:
    void linear(const std::string& name, std::int64_t out, std::int64_t in, bool bias);
    void norm(const std::string& name, std::int64_t width);
    torch::Tensor get(const std::string& name) const;

    std::vector<std::string> branches_;  // "response", or "readout.subj01"
    NamedTensors parameters_, buffers_;
    std::int64_t seed_;
    torch::TensorOptions options_;
    const World& world_;
};

}  // namespace cortune::train
