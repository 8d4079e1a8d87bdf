// SPDX-License-Identifier: BSD-3-Clause
// From features to encodings: the ROIs of one data set, layer by layer.
#pragma once

#include <Eigen/Core>
#include <vector>

#include "encode/encoding_file.hpp"
#include "engine/encode_job.hpp"
#include "engine/encode_plan.hpp"

namespace cortune::engine {

struct EncodedRois {
    std::vector<encode::RoiEncoding> roi;    // in the plan's order
    std::vector<encode::RoiEncoding> folds;  // the same for the images of the folds; empty where plan.sets does not keep them
    std::vector<ChosenRoi> chosen;           // the layer and penalties of each; points into the plan
    Eigen::MatrixXf response;                // images of the plan × voxels of all hemispheres
};

// at: the row of `store` that each of the plan's images has; empty: its own place. One Gram matrix
// and one set of decompositions a layer, for all hemispheres: they share the images.
// Voxels without a correlation are NaN and named on `reporter`.
EncodedRois encode_rois(const datasets::DatasetFile& data, const EncodePlan& plan, const nn::FeatureStore& store, const std::vector<std::int64_t>& at,
                        const std::vector<std::string>& layers, const encode::RidgeOptions& ridge, Reporter& reporter);

// The Gram matrix of a layer, of the store's rows `at` (empty: all).
Eigen::MatrixXd layer_gram(const nn::FeatureStore& store, std::size_t layer, const std::vector<std::int64_t>& at = {});

}  // namespace cortune::engine
