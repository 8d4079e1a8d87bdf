// SPDX-License-Identifier: BSD-3-Clause
// A network with the score whose making is shown.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/salience_target.hpp"
#include "nn/salience.hpp"

namespace cortune::engine {

class SalienceNetwork {
  public:
    // With job.checks also a control: the same network with the values of every parameter in random order (a permutation from
    // job.run.seed), and the score's own weights, too, so that what was learned is gone and how weights are distributed is not.
    SalienceNetwork(const SalienceJob& job, const weights::Model& model, const weights::NetworkNote& network, const FeaturePictures& pictures, torch::Device device, h5::Record& record);

    const SalienceTarget& target() const { return *target_; }
    const std::string& tap() const { return tap_; }  // Grad-CAM's feature map
    int window() const { return job_.window > 0 ? job_.window : std::max(1, size_ / 8); }  // of occlusion
    torch::Tensor normalised(const torch::Tensor& pixels) const;

    // Maps of pictures [first, first + N), (N, size, size) on the CPU; x normalised. With `score` the pictures are looked at as
    // they are: their scores are added, and what is shown of them is chosen. Without, what was chosen stays: for mirrored ones.
    torch::Tensor maps(const torch::Tensor& x, std::int64_t first, std::vector<double>* score);
    torch::Tensor control_maps(const torch::Tensor& x, std::int64_t first);
    // (N) on the CPU, double.
    torch::Tensor scores(const torch::Tensor& x, std::int64_t first) const;
    // The same of pictures of the mean colour, all alike.
    torch::Tensor blank_scores(std::int64_t first, std::int64_t count) const;

  private:
    torch::Tensor run(const nn::Backbone& backbone, const torch::Tensor& pictures, torch::Tensor* activation) const;
    torch::Tensor map(const nn::Scorer& scorer, const torch::Tensor& x) const;

    const SalienceJob& job_;
    const FeaturePictures& pictures_;
    torch::Device device_;
    int size_;
    nn::Backbone backbone_;
    std::optional<nn::Backbone> control_;
    std::unique_ptr<SalienceTarget> target_;
    std::string tap_;
};

}  // namespace cortune::engine
