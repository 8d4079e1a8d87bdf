// SPDX-License-Identifier: BSD-3-Clause
// What a tuning learns from: one subject's data set or several, opened, checked against one
// another and laid out for train::Tuner.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/dataset.hpp"
#include "engine/engine.hpp"
#include "nn/pixel_source.hpp"
#include "train/tuner.hpp"
#include "weights/model_file.hpp"

namespace cortune::engine {

struct TunedSubject {
    std::unique_ptr<const datasets::DatasetFile> data;
    datasets::Roi roi;
    std::vector<std::int64_t> rows;        // training images, ascending
    std::vector<std::string> ids, sha256;  // of them
    double weight = 1;
    std::optional<nn::PixelSource> pixels;
};

// The subjects of the job that have the ROI. Of several data sets those without it, or with fewer
// voxels than options.min_voxels, are left out with a warning; `record` gets the others as parents.
// Throws BadInput where none is left, two are of one subject, the pictures have another size than
// the network's, or an image trains for one subject and is held out for another: what it tuned could
// not be scored on it.
std::vector<TunedSubject> open_subjects(const FinetuneJob& job, const train::TuningOptions& options, const weights::Model& start,
                                        h5::Record& record, Reporter& reporter);

// Their pictures within `memory` bytes, subject by subject while there is room, and what the tuner needs.
// The subjects must outlive it.
std::vector<train::TuningData> tuning_data(std::vector<TunedSubject>& subjects, const train::TuningOptions& options, torch::Device device,
                                           Reporter& reporter);

// What these subjects add to the model of a finished tuning: names, data sets, responses, images (each once).
void describe_subjects(const std::vector<TunedSubject>& subjects, weights::Model& model);

}  // namespace cortune::engine
