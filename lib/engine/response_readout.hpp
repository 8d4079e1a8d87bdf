// SPDX-License-Identifier: BSD-3-Clause
// Responses that the saved ridge weights of an encoding predict: linear in the output of a layer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "encode/encoding_file.hpp"
#include "engine/engine.hpp"
#include "linalg/gram.hpp"
#include "nn/torch.hpp"
#include "weights/network_note.hpp"

namespace cortune::engine {

// Of a layer: components of its flattened output, (output − mean) · basis. float32, CPU.
struct ReadoutLayer {
    std::string name;
    torch::Tensor mean, basis;  // features; features × components
};

struct ResponseReadout {
    std::string hemisphere, roi_class, roi;
    std::shared_ptr<const ReadoutLayer> layer;  // of several regions the same
    std::vector<std::int32_t> column;           // of the data set's responses, V
    std::vector<float> cv_r;                    // V: cross-validated accuracy at that layer
    torch::Tensor coef, intercept;              // components × V; V. double, CPU
};

torch::Tensor as_tensor(const linalg::RowMatrixF& matrix);  // a copy, float32, CPU

// Throws BadInput where `file`, which says sha256 of its network, was made with other weights than the network's.
void check_network(const std::string& sha256, const weights::NetworkNote& network, const std::filesystem::path& file, const std::filesystem::path& model_file);

// The region that `roi` names, or the only one. Throws BadInput for an encoding without weights and for a region that it does not have.
ResponseReadout read_readout(const encode::EncodingFile& file, const RoiChoice& roi);
// All regions that `roi` leaves, at least one; a layer's components are read once.
std::vector<ResponseReadout> read_readouts(const encode::EncodingFile& file, const RoiChoice& roi);

}  // namespace cortune::engine
