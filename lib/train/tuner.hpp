// SPDX-License-Identifier: BSD-3-Clause
// One network, one ROI of one or several subjects: the training loop, without files.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/reporter.hpp"
#include "nn/backbone.hpp"
#include "nn/pixel_source.hpp"
#include "nn/torch.hpp"
#include "train/adam.hpp"
#include "train/heads.hpp"
#include "train/options.hpp"
#include "train/world.hpp"
#include "weights/model_file.hpp"

namespace cortune::train {

// The paper's values where an option was left open (negative).
TuningOptions with_defaults(TuningOptions options);

// One subject: the images that are learned from, and those that early stopping looks at.
struct TuningData {
    std::string name;                     // of the response branch; empty where there is one subject
    const nn::PixelSource* pixels = nullptr;
    torch::Tensor responses;              // images × V
    std::vector<std::string> ids;         // of the images
    std::vector<std::int64_t> train, validation;  // indices into the images
    double weight = 1;                    // of its loss
};

// Their response branches.
std::vector<Branch> branches_of(const std::vector<TuningData>& subjects);

class Tuner {
  public:
    // `options` with defaults filled in. The backbone's parameters become leaves with
    // gradients, but for the frozen ones.
    // Every batch is of one subject, and its images are shared out among the processes of the world, which
    // outlives the tuner: all of them end with the same weights, those of one process but for rounding.
    // Throws UsageError for options that do not go together.
    Tuner(nn::Backbone& backbone, std::vector<TuningData> subjects, const TuningOptions& options, std::int64_t seed,
          torch::Device device, const World& world);

    // Runs the epochs that are left, calling `after_epoch` after each. Throws RunFailed
    // when a loss or a weight is not finite; `after_epoch` never sees such a state.
    void run(Reporter& reporter, const std::function<void()>& after_epoch);

    // Puts the best epoch's values back, where early stopping chose one.
    void finish();

    std::int64_t epochs_done() const { return epoch_; }
    const weights::History& history() const { return history_; }
    Heads& heads() { return heads_; }

    // Everything a checkpoint needs: all tensors by name, all numbers.
    struct State {
        NamedTensors tensors;              // "backbone/…", "heads/…", "moments/…", "best/…"
        std::vector<std::int64_t> steps;   // Adam's, by parameter
        std::int64_t epoch = 0, best_epoch = -1;
        double best_loss = 0;
        weights::History history;
    };
    State state() const;
    void restore(const State& state);  // shapes as in state(); throws BadInput otherwise

  private:
    double train_epoch();
    double validate();
    void check_finite();
    double learning_rate(std::int64_t step_in_epoch, std::int64_t steps) const;
    // This process's part of a batch's loss.
    torch::Tensor loss(std::size_t subject, const std::vector<std::int64_t>& which, bool training);
    torch::Tensor logits(std::size_t subject, const std::vector<std::int64_t>& own, bool training);
    torch::Tensor shared_loss(std::size_t subject, const std::vector<std::int64_t>& which, const Rows& rows, const torch::Tensor& image, const torch::Tensor& own);
    double probe();
    NamedTensors live() const;  // learned tensors and buffers

    nn::Backbone& backbone_;
    std::vector<TuningData> subjects_;
    std::vector<std::vector<std::uint64_t>> keys_;  // per subject, of the images, for dropout
    // Per subject and image, where other subjects learn from it, too: (subject, its image).
    std::vector<std::vector<std::vector<std::pair<std::size_t, std::int64_t>>>> shared_;
    TuningOptions options_;
    std::int64_t seed_;
    torch::Device device_;
    torch::ScalarType dtype_;  // of the backbone's pass
    const World& world_;
    Heads heads_;
    std::vector<torch::Tensor> learned_;
    std::optional<Adam> adam_;
    std::int64_t epoch_ = 0, best_epoch_ = -1;
    double best_loss_ = 0;
    NamedTensors best_;
    weights::History history_;
};

}  // namespace cortune::train
