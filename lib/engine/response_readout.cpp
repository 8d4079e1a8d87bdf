// SPDX-License-Identifier: BSD-3-Clause
#include "engine/response_readout.hpp"

#include <fmt/format.h>

#include <map>

#include "core/error.hpp"
#include "core/text.hpp"

namespace cortune::engine {
namespace {

using torch::Tensor;

Tensor read_tensor(const h5::Dataset& d) {
    const auto shape = d.shape();
    const auto values = d.read<float>();
    return torch::tensor(values).view({static_cast<std::int64_t>(shape[0]), -1});
}

bool fits(const std::string& wanted, const std::string& is) { return wanted.empty() || wanted == is; }

}  // namespace

void check_network(const std::string& sha256, const weights::Model& model, const std::filesystem::path& file, const std::filesystem::path& model_file) {
    if (sha256 != weights::parameters_sha256(model.parameters))
        throw BadInput(fmt::format("{}: made with another network than {}", file.string(), model_file.string()), "give the network that it was made with");
}

std::vector<ResponseReadout> read_readouts(const encode::EncodingFile& file, const RoiChoice& c) {
    const auto& root = file.input().root();
    if (!root.has("weights/rois")) throw BadInput(file.input().path().string() + ":/weights: this encoding has no weights", "ridge-encode --save-weights keeps them");
    std::vector<ResponseReadout> out;
    std::vector<std::string> known;
    std::map<std::string, std::shared_ptr<const ReadoutLayer>> layers;
    for (const auto& path : file.roi_paths()) {
        const auto roi = file.read(path);
        known.push_back(roi.hemisphere + ' ' + roi.roi);
        if (!fits(c.hemisphere, roi.hemisphere) || !fits(c.roi_class, roi.roi_class) || !fits(c.roi, roi.roi)) continue;
        const auto group = root.group("weights/rois/" + path.substr(path.find('/') + 1));
        const std::string name = group.attr_string("layer");
        auto& layer = layers[name];
        if (!layer) {
            const auto node = root.group("weights/layers/" + name);
            layer = std::make_shared<ReadoutLayer>(ReadoutLayer{name, torch::tensor(node.dataset("mean").read<float>()), read_tensor(node.dataset("basis"))});
        }
        const auto chosen = roi.cv_r.begin() + roi.chosen_layer * static_cast<std::ptrdiff_t>(roi.column.size());
        out.push_back({roi.hemisphere, roi.roi_class, roi.roi, layer, roi.column, {chosen, chosen + static_cast<std::ptrdiff_t>(roi.column.size())},
                       read_tensor(group.dataset("coef")).to(torch::kFloat64), torch::tensor(group.dataset("intercept").read<float>()).to(torch::kFloat64)});
    }
    if (out.empty()) throw BadInput(fmt::format("{}: no such region; it has {}", file.input().path().string(), join(known)), "--hemi, --roi-class and --roi choose among them");
    return out;
}

ResponseReadout read_readout(const encode::EncodingFile& file, const RoiChoice& choice) {
    auto all = read_readouts(file, choice);
    if (all.size() == 1) return std::move(all[0]);
    std::vector<std::string> names;
    for (const auto& r : all) names.push_back(r.hemisphere + ' ' + r.roi);
    throw BadInput(fmt::format("{}: {} of its regions fit: {}", file.input().path().string(), all.size(), join(names)), "--hemi and --roi name one");
}

}  // namespace cortune::engine
