// SPDX-License-Identifier: BSD-3-Clause
// A network with what is taken from it: outputs of layers, pooled or not, and the embeddings of its heads.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/embedding_heads.hpp"
#include "engine/feature_pictures.hpp"
#include "features/features_file.hpp"
#include "nn/backbone.hpp"

namespace cortune::engine {

// count × width float32 values of an array, for images [first, first + count).
using ArraySink = std::function<void(std::size_t array, std::int64_t first, std::int64_t count, const float* values)>;

// The network with what is taken from it.
class FeatureNetwork {
  public:
    // Throws BadInput where the embeddings of the pictures cannot be had: no contrastive heads, or responses that
    // are not those that tuned it. A folder has no responses: its pictures have the image branch alone.
    FeatureNetwork(const FeatureJob& job, const weights::Model& model, const FeaturePictures& pictures, torch::Device device);

    const std::vector<features::FeatureArray>& arrays() const { return arrays_; }  // layers first, before --pca
    std::size_t layers() const { return layers_.size(); }
    // Passes pictures [first, first + count) on, batch by batch; positions are those among all pictures.
    void run(FeaturePictures& pictures, std::int64_t first, std::int64_t count, const ArraySink& sink, Reporter& reporter);

  private:
    torch::Tensor pooled(const torch::Tensor& output) const;
    void describe_layers(int image_size);
    void embed(FeaturePictures& pictures, const torch::Tensor& logits, std::int64_t first, const ArraySink& sink);

    const FeatureJob& job_;
    torch::Device device_;
    nn::Backbone backbone_;
    std::vector<std::string> layers_, taps_;
    std::vector<features::FeatureArray> arrays_;
    std::unique_ptr<EmbeddingHeads> heads_;
};

}  // namespace cortune::engine
