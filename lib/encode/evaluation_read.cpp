// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "encode/evaluation_columns.hpp"
#include "encode/evaluation_file.hpp"

namespace cortune::encode {
namespace {

// A column of the expected length.
template <class T>
std::vector<T> values(const h5::Node& node, const char* name, std::size_t expected) {
    const h5::Dataset data = node.dataset(name);
    std::vector<T> out;
    if constexpr (std::is_same_v<T, std::string>) out = data.read_strings();
    else out = data.template read<T>();
    if (out.size() != expected) throw BadInput(fmt::format("{}: expected {} values, found {}", data.where(), expected, out.size()));
    return out;
}

void read_rows(const h5::Node& table, std::size_t rows, Evaluation& e) {
    const std::size_t models = e.label.size();
    const auto subject = values<std::string>(table, "subject", rows), hemisphere = values<std::string>(table, "hemisphere", rows),
               roi_class = values<std::string>(table, "roi_class", rows), roi = values<std::string>(table, "roi", rows),
               protocol = values<std::string>(table, "protocol", rows * models);
    const auto voxels = values<std::int32_t>(table, "voxels", rows), images = values<std::int32_t>(table, "images", rows * models);
    const auto ceiling = values<double>(table, "ceiling_r", rows);
    const auto optimistic = values<std::int16_t>(table, "optimistic", rows * models);
    for (std::size_t i = 0; i < rows; ++i) {
        RoiScores r{};
        r.subject = subject[i], r.hemisphere = hemisphere[i], r.roi_class = roi_class[i], r.roi = roi[i];
        r.voxels = voxels[i], r.ceiling_r = ceiling[i];
        for (std::size_t m = 0; m < models; ++m) {
            ModelScores s{};
            s.images = images[i * models + m];
            s.present = s.images > 0;
            s.protocol = protocol[i * models + m];
            s.optimistic = optimistic[i * models + m] != 0;
            r.models.push_back(std::move(s));
        }
        e.rois.push_back(std::move(r));
    }
    for (const auto& column : score_columns()) {
        const auto number = values<double>(table, column.name, rows * models);
        for (std::size_t i = 0; i < rows * models; ++i) column.at(e.rois[i / models].models[i % models]) = number[i];
    }
}

void read_layers(const h5::Node& node, Evaluation& e) {
    const auto taps = node.dataset("layer").read_strings();
    const std::size_t models = e.label.size();
    const auto r = values<double>(node, "cv_r", e.rois.size() * models * taps.size());
    for (std::size_t i = 0; i < e.rois.size() * models; ++i) {
        ModelScores& s = e.rois[i / models].models[i % models];
        if (!s.present) continue;
        const auto at = r.begin() + static_cast<std::ptrdiff_t>(i * taps.size());
        s.layer = taps;
        s.layer_r.assign(at, at + static_cast<std::ptrdiff_t>(taps.size()));
    }
}

void read_sets(const h5::Node& node, Evaluation& e) {
    const std::size_t rows = node.dataset("set_row").read<std::int32_t>().size();
    const auto subject = values<std::string>(node, "subject", rows), set = values<std::string>(node, "set", rows), label = values<std::string>(node, "label", rows);
    const auto rois = values<std::int32_t>(node, "rois", rows);
    const auto optimistic = values<std::int16_t>(node, "optimistic", rows);
    for (std::size_t i = 0; i < rows; ++i) {
        const auto model = std::find(e.label.begin(), e.label.end(), label[i]);
        if (model == e.label.end()) throw BadInput(fmt::format("{}label: '{}' is no model of this file", node.where(), label[i]));
        SetScores s{subject[i], set[i], static_cast<std::size_t>(model - e.label.begin()), rois[i]};
        s.optimistic = optimistic[i] != 0;
        e.sets.push_back(std::move(s));
    }
    const auto column = [&](const char* name, auto of) {
        const auto all = values<double>(node, name, rows);
        for (std::size_t i = 0; i < rows; ++i) of(e.sets[i]) = all[i];
    };
    column("mean_r", [](SetScores& s) -> double& { return s.mean_r; });
    column("reference_r", [](SetScores& s) -> double& { return s.reference_r; });
    column("difference", [](SetScores& s) -> double& { return s.test.gain; });
    column("difference_low", [](SetScores& s) -> double& { return s.test.low; });
    column("difference_high", [](SetScores& s) -> double& { return s.test.high; });
    column("p_value", [](SetScores& s) -> double& { return s.test.p; });
    column("share_improved", [](SetScores& s) -> double& { return s.test.share_improved; });
    column("share_p_value", [](SetScores& s) -> double& { return s.test.share_p; });
}

}  // namespace

Evaluation read_evaluation(const h5::Input& file) {
    const h5::Node& root = file.root();
    Evaluation out;
    out.label = root.dataset("model").read_strings();
    out.protocol = root.attr_string("protocol");
    out.optimistic = root.attr_int("optimistic") != 0;
    out.optimistic_reason = root.attr_string("optimistic_reason");
    if (root.has_attr("data_warnings")) out.data_warnings = root.attr_strings("data_warnings");
    read_rows(root.group("table"), root.dataset("row").read<std::int32_t>().size(), out);
    if (root.has("layers")) read_layers(root.group("layers"), out);
    if (root.has("sets")) read_sets(root.group("sets"), out);
    return out;
}

}  // namespace cortune::encode
