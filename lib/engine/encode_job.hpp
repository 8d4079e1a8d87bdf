// SPDX-License-Identifier: BSD-3-Clause
// Encoding, from files to a file.
#pragma once

#include "engine/engine.hpp"
#include "engine/encode_plan.hpp"
#include "nn/feature_store.hpp"

namespace cortune::engine {

void run_encode(const EncodeJob& job, Reporter& reporter);

// What --save-weights keeps of a layer that some ROIs chose.
struct ChosenRoi {
    const RoiWork* work;
    int layer;
    Eigen::VectorXd alpha;  // of its voxels, at that layer
};
// at: the row of `store` of each of the plan's images; empty: its own place. y: images × voxels, as in the plan.
void save_weights(h5::Node& root, const encode::RidgeOptions& ridge, const EncodePlan& plan, const nn::FeatureStore& store,
                  const std::vector<std::int64_t>& at, const Eigen::MatrixXf& y, const std::vector<ChosenRoi>& chosen, Reporter& reporter);

// --predict: other pictures, from an encoding file with weights.
void run_predict(const EncodeJob& job, Reporter& reporter);

}  // namespace cortune::engine
