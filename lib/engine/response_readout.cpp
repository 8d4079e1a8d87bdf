// SPDX-License-Identifier: BSD-3-Clause
#include "engine/response_readout.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "core/text.hpp"

namespace cortune::engine {
namespace {

using torch::Tensor;

Tensor read_matrix(const h5::Dataset& d) {
    const auto shape = d.shape();
    const auto values = d.read<float>();
    return torch::tensor(values).view({static_cast<std::int64_t>(shape[0]), -1}).to(torch::kFloat64);
}

std::string path_of(const encode::EncodingFile& file, const RoiChoice& c) {
    std::vector<std::string> fitting, all;
    for (const auto& path : file.roi_paths()) {
        const auto roi = file.read(path);
        all.push_back(roi.hemisphere + ' ' + roi.roi);
        if ((c.hemisphere.empty() || c.hemisphere == roi.hemisphere) && (c.roi_class.empty() || c.roi_class == roi.roi_class) && (c.roi.empty() || c.roi == roi.roi)) fitting.push_back(path);
    }
    if (fitting.size() == 1) return fitting[0];
    throw BadInput(fmt::format("{}: {} of its regions fit; it has {}", file.input().path().string(), fitting.size(), join(all)), "--hemi and --roi name one");
}

}  // namespace

void check_network(const std::string& sha256, const weights::Model& model, const std::filesystem::path& file, const std::filesystem::path& model_file) {
    if (sha256 != weights::parameters_sha256(model.parameters))
        throw BadInput(fmt::format("{}: made with another network than {}", file.string(), model_file.string()), "give the network that it was made with");
}

ResponseReadout read_readout(const encode::EncodingFile& file, const RoiChoice& choice) {
    const auto& root = file.input().root();
    if (!root.has("weights/rois")) throw BadInput(file.input().path().string() + ":/weights: this encoding has no weights", "ridge-encode --save-weights keeps them");
    const std::string path = path_of(file, choice);
    const auto roi = file.read(path);
    const auto group = root.group("weights/rois/" + path.substr(path.find('/') + 1));
    ResponseReadout out{roi.hemisphere, roi.roi_class, roi.roi, group.attr_string("layer"), roi.column, {}, {}, {}};
    const auto chosen = roi.cv_r.begin() + roi.chosen_layer * static_cast<std::ptrdiff_t>(roi.column.size());
    out.cv_r.assign(chosen, chosen + static_cast<std::ptrdiff_t>(roi.column.size()));
    const auto layer = root.group("weights/layers/" + out.layer);
    const Tensor intercept = torch::tensor(group.dataset("intercept").read<float>()).to(torch::kFloat64);
    const Tensor mean = torch::tensor(layer.dataset("mean").read<float>()).to(torch::kFloat64);
    out.direction = torch::matmul(read_matrix(layer.dataset("basis")), read_matrix(group.dataset("coef")));
    out.offset = intercept - torch::matmul(mean, out.direction);
    return out;
}

}  // namespace cortune::engine
