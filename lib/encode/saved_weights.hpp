// SPDX-License-Identifier: BSD-3-Clause
// What ridge-encode --save-weights keeps: of a layer its components, of a region its coefficients on them. A predicted response is
// ((output − mean) · basis) · coef + intercept.
#pragma once

#include <string>
#include <vector>

#include "encode/encoding_file.hpp"
#include "linalg/gram.hpp"

namespace cortune::encode {

struct SavedLayer {
    Eigen::RowVectorXf mean;   // features
    linalg::RowMatrixF basis;  // features × components
};

struct SavedRegion {
    std::string layer;
    linalg::RowMatrixF coef;       // components × voxels
    Eigen::RowVectorXf intercept;  // voxels
};

// Layers with weights, in file order. Throws BadInput for an encoding that has none.
std::vector<std::string> saved_layers(const EncodingFile& file);
SavedLayer read_saved_layer(const EncodingFile& file, const std::string& layer);
// roi_path: one of the file's.
SavedRegion read_saved_region(const EncodingFile& file, const std::string& roi_path);

}  // namespace cortune::encode
