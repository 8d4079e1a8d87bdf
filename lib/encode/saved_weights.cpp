// SPDX-License-Identifier: BSD-3-Clause
#include "encode/saved_weights.hpp"

#include "core/error.hpp"

namespace cortune::encode {
namespace {

linalg::RowMatrixF read_matrix(const h5::Dataset& d) {
    const auto shape = d.shape();
    linalg::RowMatrixF out(static_cast<Eigen::Index>(shape.at(0)), static_cast<Eigen::Index>(shape.at(1)));
    d.read_rows(0, shape[0], out.data());
    return out;
}

Eigen::RowVectorXf read_row(const h5::Dataset& d) {
    const auto values = d.read<float>();
    return Eigen::Map<const Eigen::RowVectorXf>(values.data(), static_cast<Eigen::Index>(values.size()));
}

}  // namespace

std::vector<std::string> saved_layers(const EncodingFile& file) {
    const auto& root = file.input().root();
    if (!root.has("weights/layers"))
        throw BadInput(file.input().path().string() + ":/weights: this encoding has no weights", "ridge-encode --save-weights keeps them");
    return root.group("weights/layers").children();
}

SavedLayer read_saved_layer(const EncodingFile& file, const std::string& layer) {
    const auto group = file.input().root().group("weights/layers/" + layer);
    return {read_row(group.dataset("mean")), read_matrix(group.dataset("basis"))};
}

SavedRegion read_saved_region(const EncodingFile& file, const std::string& roi_path) {
    const auto group = file.input().root().group("weights/rois/" + roi_path.substr(roi_path.find('/') + 1));
    return {group.attr_string("layer"), read_matrix(group.dataset("coef")), read_row(group.dataset("intercept"))};
}

}  // namespace cortune::encode
