// SPDX-License-Identifier: BSD-3-Clause
// Brings several models' encodings of one ROI into one order of voxels and images.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <string>
#include <vector>

#include "encode/encoding_file.hpp"

namespace cortune::encode {

// Where a model keeps a ROI: a group of a file, or several whose union it is.
struct RoiSource {
    const EncodingFile* file = nullptr;  // null: the model lacks it
    std::vector<std::string> paths;
    std::string where() const { return file->input().path().string() + ":/" + paths.at(0); }
};

// The ROI's values; of a union each vertex once, ascending, from the first part that has
// it, without what only single ROIs have (cv_r, alpha, chosen_layer).
RoiEncoding read_source(const RoiSource& source);

// Images × voxels, images by their ids, voxels in the order of the first model. Models without the ROI have empty
// matrices.
struct PairedRoi {
    RoiEncoding first;                          // of the first model, as read
    Eigen::MatrixXf response;
    std::vector<std::int32_t> run;              // of every image; empty: unknown
    std::uint64_t images;                       // hash of the images' ids: regions with equal ones resample alike
    std::vector<Eigen::MatrixXf> prediction;    // per model
    std::vector<std::vector<std::int16_t>> fold;  // per model
    std::vector<std::vector<double>> layer_r;   // per model: mean over voxels of cv_r per layer; empty for unions
};

// sources[0] has the ROI. Throws BadInput where voxels, pictures or responses differ, or
// images do and `common_images` is false.
PairedRoi pair_roi(const std::vector<RoiSource>& sources, bool common_images);

// How many of the file's scored images tuned its model or, where folds do not keep the two apart
// (held-out, predicted), were fitted on: by id or by pixels.
struct Leaks {
    std::int64_t tuned = 0, fitted = 0;
};
Leaks find_leaks(const EncodingHeader& header);

}  // namespace cortune::encode
