// SPDX-License-Identifier: BSD-3-Clause
// What an encoding run will do, decided before anything is computed: which ROIs, which
// images fit and which are scored, and whether that is honest.
#pragma once

#include <Eigen/Core>
#include <string>
#include <vector>

#include "datasets/dataset.hpp"
#include "encode/encoding_file.hpp"
#include "encode/protocol.hpp"
#include "engine/engine.hpp"
#include "weights/model_file.hpp"

namespace cortune::engine {

// The unique columns that the chosen ROIs of one hemisphere use.
struct HemisphereWork {
    std::string name;
    std::vector<std::int64_t> column;  // ascending
    Eigen::Index first = 0;            // of its columns among those of all hemispheres
};

struct RoiWork {
    datasets::Roi roi;
    std::size_t hemisphere;         // index into EncodePlan::hemispheres
    std::vector<Eigen::Index> at;   // positions of its columns among those of all hemispheres
};

struct EncodePlan {
    std::vector<HemisphereWork> hemispheres;
    std::vector<RoiWork> rois;
    std::vector<std::int64_t> rows;  // images that pass through the network, ascending
    encode::ImageSets sets;          // positions in `rows`
    std::vector<std::int64_t> reported;  // positions in `rows` of the images that are scored
    encode::EncodingHeader header;   // everything but uuids of the model
    Eigen::Index voxels() const;     // columns of all hemispheres
};

// Throws BadInput for unknown or too small ROIs asked for by name, too few images, and
// scored images that tuned the model (unless allowed). Names on `reporter` the ROIs
// that are left out for their size. `admit`: the mend where tuned images are refused.
inline constexpr const char* admits_tuned = "--allow-tuned-images scores them and marks the result optimistic";
EncodePlan plan_encoding(const EncodeJob& job, const datasets::DatasetFile& data, const weights::Model& model,
                         const std::vector<std::string>& layers, Reporter& reporter, const std::string& admit = admits_tuned);

}  // namespace cortune::engine
