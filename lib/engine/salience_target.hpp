// SPDX-License-Identifier: BSD-3-Clause
// The score whose making a salience map shows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/embedding_heads.hpp"
#include "engine/feature_pictures.hpp"
#include "nn/backbone.hpp"
#include "salience/salience_file.hpp"

namespace cortune::engine {

class SalienceTarget {
  public:
    virtual ~SalienceTarget() = default;
    const std::string& layer() const { return layer_; }  // module whose output the score is computed from
    const salience::Score& description() const { return description_; }
    // Pictures that its own weights were fitted on: of each 1 or 0.
    virtual std::vector<std::int16_t> fitted(const std::vector<std::string>& id, const std::vector<std::string>& /*sha256*/) const { return std::vector<std::int16_t>(id.size()); }
    // Names of what is shown of pictures [first, …), where it depends on the picture, from that module's output. Called
    // before score() of them.
    virtual void choose(const torch::Tensor& /*output*/, std::int64_t /*first*/) {}
    const std::vector<std::string>& chosen() const { return chosen_; }  // one a picture; empty: the same of all
    // (N) scores of pictures [first, first + N), from that module's output.
    virtual torch::Tensor score(const torch::Tensor& output, std::int64_t first) const = 0;
    // For the control with shuffled weights: the same score with its own weights (a probe's, a readout's) in random order, too. A
    // logit has none of its own; of a pair the embedding's components change places.
    virtual void make_control(std::uint64_t seed) = 0;
    virtual torch::Tensor control_score(const torch::Tensor& output, std::int64_t first) const = 0;

  protected:
    std::string layer_;
    salience::Score description_;
    std::vector<std::string> chosen_;
};

// The one that the job names. `record` gets the probe or encoding as parent. Throws UsageError where not exactly one is
// named, BadInput for a probe or encoding of another network and for names that it does not have.
std::unique_ptr<SalienceTarget> salience_target(const SalienceJob& job, const weights::Model& model, const weights::NetworkNote& network, const nn::Backbone& backbone,
                                                const FeaturePictures& pictures, torch::Device device, h5::Record& record);

}  // namespace cortune::engine
