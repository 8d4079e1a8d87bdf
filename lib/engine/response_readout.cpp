// SPDX-License-Identifier: BSD-3-Clause
#include "engine/response_readout.hpp"

#include <fmt/format.h>

#include <map>

#include "core/error.hpp"
#include "core/text.hpp"
#include "encode/saved_weights.hpp"

namespace cortune::engine {
namespace {

bool fits(const std::string& wanted, const std::string& is) { return wanted.empty() || wanted == is; }

}  // namespace

torch::Tensor as_tensor(const linalg::RowMatrixF& m) { return torch::from_blob(const_cast<float*>(m.data()), {m.rows(), m.cols()}, torch::kFloat32).clone(); }

void check_network(const std::string& sha256, const weights::NetworkNote& network, const std::filesystem::path& file, const std::filesystem::path& model_file) {
    if (sha256 != network.model_sha256)
        throw BadInput(fmt::format("{}: made with another network than {}", file.string(), model_file.string()), "give the network that it was made with");
}

std::vector<ResponseReadout> read_readouts(const encode::EncodingFile& file, const RoiChoice& c) {
    encode::saved_layers(file);  // has it weights?
    std::vector<ResponseReadout> out;
    std::vector<std::string> known;
    std::map<std::string, std::shared_ptr<const ReadoutLayer>> layers;
    for (const auto& path : file.roi_paths()) {
        const auto roi = file.read(path);
        known.push_back(roi.hemisphere + ' ' + roi.roi);
        if (!fits(c.hemisphere, roi.hemisphere) || !fits(c.roi_class, roi.roi_class) || !fits(c.roi, roi.roi)) continue;
        const auto weights = encode::read_saved_region(file, path);
        auto& layer = layers[weights.layer];
        if (!layer) {
            const auto saved = encode::read_saved_layer(file, weights.layer);
            layer = std::make_shared<ReadoutLayer>(ReadoutLayer{weights.layer, as_tensor(saved.mean).squeeze(0), as_tensor(saved.basis)});
        }
        const auto chosen = roi.cv_r.begin() + roi.chosen_layer * static_cast<std::ptrdiff_t>(roi.column.size());
        out.push_back({roi.hemisphere, roi.roi_class, roi.roi, layer, roi.column, {chosen, chosen + static_cast<std::ptrdiff_t>(roi.column.size())},
                       as_tensor(weights.coef).to(torch::kFloat64), as_tensor(weights.intercept).squeeze(0).to(torch::kFloat64)});
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
