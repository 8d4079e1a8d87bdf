// SPDX-License-Identifier: BSD-3-Clause
// Responses that the saved ridge weights of an encoding predict: linear in the output of a layer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "encode/encoding_file.hpp"
#include "engine/engine.hpp"
#include "nn/torch.hpp"
#include "weights/model_file.hpp"

namespace cortune::engine {

struct ResponseReadout {
    std::string hemisphere, roi_class, roi, layer;
    std::vector<std::int32_t> column;  // of the data set's responses, V
    std::vector<float> cv_r;           // V: cross-validated accuracy at that layer
    torch::Tensor direction;           // features × V, double, CPU: from the layer's flattened output
    torch::Tensor offset;              // V
};

// Throws BadInput where the encoding was made with other weights than `model`'s.
void check_network(const std::string& sha256, const weights::Model& model, const std::filesystem::path& file, const std::filesystem::path& model_file);

// The region that `roi` names, or the only one. Throws BadInput for an encoding without weights and for a region that it does not have.
ResponseReadout read_readout(const encode::EncodingFile& file, const RoiChoice& roi);

}  // namespace cortune::engine
