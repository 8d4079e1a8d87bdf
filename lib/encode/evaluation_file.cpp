// SPDX-License-Identifier: BSD-3-Clause
#include "encode/evaluation_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <type_traits>
#include <vector>

#include "core/text.hpp"
#include "encode/evaluation_columns.hpp"

namespace cortune::encode {
namespace {

template <class T>
using OfRoi = std::function<T(const RoiScores&)>;

template <class T>
std::vector<T> column(const Evaluation& e, const OfRoi<T>& of) {
    std::vector<T> out;
    for (const auto& roi : e.rois) out.push_back(of(roi));
    return out;
}

template <class T>
std::vector<T> cells(const Evaluation& e, const std::function<T(const ModelScores&)>& of) {
    std::vector<T> out;
    for (const auto& roi : e.rois)
        for (const auto& model : roi.models) out.push_back(of(model));
    return out;
}

void write_table(h5::Node& root, const Evaluation& e) {
    h5::Node table = root.create_group("table");
    auto strings = [&](const char* name, const char* text, const OfRoi<std::string>& of) {
        table.put_strings(name, {"row"}, column(e, of), {text});
    };
    strings("subject", "subject", [](const RoiScores& r) { return r.subject; });
    strings("hemisphere", "hemisphere", [](const RoiScores& r) { return r.hemisphere; });
    strings("roi_class", "ROI class", [](const RoiScores& r) { return r.roi_class; });
    strings("roi", "region of interest", [](const RoiScores& r) { return r.roi; });
    table.put("voxels", {"row"},
              column<std::int32_t>(e, [](const RoiScores& r) { return static_cast<std::int32_t>(r.voxels); }),
              {"voxels compared"});
    table.put("ceiling_r", {"row"}, column<double>(e, [](const RoiScores& r) { return r.ceiling_r; }),
              {"mean over voxels of the square root of the noise ceiling"});
    table.put("images", {"row", "model"},
              cells<std::int32_t>(e, [](const ModelScores& m) { return static_cast<std::int32_t>(m.images); }),
              {"images scored; 0 where the model lacks the ROI"});
    table.put_strings("protocol", {"row", "model"}, cells<std::string>(e, [](const ModelScores& m) { return m.protocol; }),
                      {"how the model was scored; empty where it lacks the ROI"});
    table.put("optimistic", {"row", "model"},
              cells<std::int16_t>(e, [](const ModelScores& m) { return std::int16_t{m.optimistic}; }),
              {"1 where scored images tuned or selected something"});
    for (const auto& column : score_columns())
        table.put(column.name, {"row", "model"}, cells<double>(e, [&](const ModelScores& m) { return column.of(m); }), {column.long_name});
}

void write_roi(h5::Node& root, const RoiScores& roi) {
    h5::Node group = root.create_group(fmt::format("results/{}/{}/{}/{}", link_name(roi.subject),
                                                   link_name(roi.hemisphere), link_name(roi.roi_class),
                                                   link_name(roi.roi)));
    group.attr("subject", roi.subject);
    group.attr("hemisphere", roi.hemisphere);
    group.attr("roi_class", roi.roi_class);
    group.attr("roi", roi.roi);
    group.attr("space", roi.space);
    group.attr("runs", roi.runs);
    group.scale("voxel", roi.column, {"column of the data set's responses"});
    group.put("vertex", {"voxel"}, roi.vertex, {"index of the voxel in the subject's space"});
    const auto put = [&]<class T>(const char* name, std::vector<T> ModelScores::*member, const char* text) {
        std::vector<T> all;
        for (const auto& model : roi.models) all.insert(all.end(), (model.*member).begin(), (model.*member).end());
        group.put(name, {"model", "voxel"}, all, {text});
    };
    put("r", &ModelScores::r, "Pearson r of predicted and measured responses");
    put("r2", &ModelScores::r2, "max(r, 0) squared");
    put("r_low", &ModelScores::r_low, "2.5th percentile of r, bootstrap over images");
    put("r_high", &ModelScores::r_high, "97.5th percentile of r, bootstrap over images");
    put("p_value", &ModelScores::p, "one-sided p of r, images permuted (inside runs, where these are known)");
    put("q_value", &ModelScores::q, "p adjusted for the false discovery rate in the ROI");
    put("difference", &ModelScores::difference, "r minus the first model's");
    put("difference_low", &ModelScores::difference_low, "2.5th percentile of the difference");
    put("difference_high", &ModelScores::difference_high, "97.5th percentile of the difference");
    put("difference_p_value", &ModelScores::difference_p, "two-sided p of the difference, predictions exchanged image by image");
    put("difference_q_value", &ModelScores::difference_q, "p adjusted for the false discovery rate in the ROI");
    if (!roi.noise_ceiling.empty())
        group.put("noise_ceiling", {"voxel"}, roi.noise_ceiling, {"explainable share of variance"}).attr("mode", roi.ceiling_mode);
}

void write_groups(h5::Node& root, const Evaluation& e) {
    h5::Node group = root.create_group("group");
    group.index_scale("comparison", e.groups.size(), {"region and model over subjects"});
    const auto texts = [&](const char* name, const char* text, auto of) {
        std::vector<std::string> all;
        for (const auto& g : e.groups) all.push_back(of(g));
        group.put_strings(name, {"comparison"}, all, {text});
    };
    const auto numbers = [&](const char* name, const char* text, auto of) {
        std::vector<double> all;
        for (const auto& g : e.groups) all.push_back(of(g));
        group.put(name, {"comparison"}, all, {text});
    };
    texts("hemisphere", "hemisphere", [](const auto& g) { return g.hemisphere; });
    texts("roi_class", "ROI class", [](const auto& g) { return g.roi_class; });
    texts("roi", "region of interest", [](const auto& g) { return g.roi; });
    texts("label", "model", [&](const auto& g) { return e.label[g.model]; });
    texts("quantity", "what is combined: mean_r, or the difference from the first model", [](const auto& g) { return g.quantity; });
    std::vector<std::int16_t> optimistic;
    for (const auto& g : e.groups) optimistic.push_back(g.optimistic);
    group.put("optimistic", {"comparison"}, optimistic, {"1 where scored images of any subject tuned or selected something"});
    numbers("subjects", "subjects that have the region", [](const auto& g) { return static_cast<double>(g.subject.size()); });
    numbers("mean", "mean over subjects of the quantity", [](const auto& g) { return g.test.mean; });
    numbers("sign_flip_p", "two-sided p, signs of the subjects' values exchanged", [](const auto& g) { return g.test.sign_flip_p; });
    numbers("estimate", "the quantity, random-effects model", [](const auto& g) { return g.test.estimate; });
    numbers("estimate_low", "lower end of its 95 % interval", [](const auto& g) { return g.test.low; });
    numbers("estimate_high", "upper end of its 95 % interval", [](const auto& g) { return g.test.high; });
    numbers("between_subjects", "standard deviation between subjects", [](const auto& g) { return g.test.between; });
    numbers("heterogeneity", "share of the variance that is between subjects", [](const auto& g) { return g.test.heterogeneity; });
}

void write_sets(h5::Node& root, const Evaluation& e) {
    h5::Node node = root.create_group("sets");
    node.index_scale("set_row", e.sets.size(), {"set of regions of a subject, and model"});
    const auto column = [&]<class T>(const char* name, const char* text, T (*of)(const Evaluation&, const SetScores&)) {
        std::vector<T> all;
        for (const auto& s : e.sets) all.push_back(of(e, s));
        if constexpr (std::is_same_v<T, std::string>) node.put_strings(name, {"set_row"}, all, {text});
        else node.put(name, {"set_row"}, all, {text});
    };
    using Of = const SetScores&;
    using In = const Evaluation&;
    column("subject", "subject", +[](In, Of s) { return s.subject; });
    column("set", "all, early or higher regions that are compared", +[](In, Of s) { return s.set; });
    column("label", "model", +[](In in, Of s) { return in.label[s.model]; });
    column("rois", "regions", +[](In, Of s) { return static_cast<std::int32_t>(s.rois); });
    column("optimistic", "1 where it is in any of them", +[](In, Of s) { return std::int16_t{s.optimistic}; });
    column("mean_r", "mean over regions of the mean r", +[](In, Of s) { return s.mean_r; });
    column("reference_r", "the same of the first model", +[](In, Of s) { return s.reference_r; });
    column("difference", "mean over regions of the difference", +[](In, Of s) { return s.test.gain; });
    column("difference_low", "2.5th percentile of the same, bootstrap over images", +[](In, Of s) { return s.test.low; });
    column("difference_high", "97.5th percentile", +[](In, Of s) { return s.test.high; });
    column("p_value", "two-sided p, predictions exchanged image by image in all regions", +[](In, Of s) { return s.test.p; });
    column("share_improved", "mean over regions of the share of voxels with a higher r", +[](In, Of s) { return s.test.share_improved; });
    column("share_p_value", "two-sided p of that share under the same exchanges", +[](In, Of s) { return s.test.share_p; });
}

// Of all models' taps, in their order.
void write_layers(h5::Node& root, const Evaluation& e) {
    std::vector<std::string> taps;
    for (const auto& roi : e.rois)
        for (const auto& model : roi.models)
            for (const auto& tap : model.layer)
                if (std::find(taps.begin(), taps.end(), tap) == taps.end()) taps.push_back(tap);
    if (taps.empty()) return;
    std::vector<double> values;
    for (const auto& roi : e.rois)
        for (const auto& model : roi.models)
            for (const auto& tap : taps) {
                const auto at = std::find(model.layer.begin(), model.layer.end(), tap) - model.layer.begin();
                values.push_back(static_cast<std::size_t>(at) < model.layer_r.size() ? model.layer_r[static_cast<std::size_t>(at)] : std::numeric_limits<double>::quiet_NaN());
            }
    h5::Node node = root.create_group("layers");
    node.scale("layer", taps, {"tap of the network"});
    node.put("cv_r", {"row", "model", "layer"}, values, {"mean over voxels of the cross-validated r, from which the region's layer was chosen"});
}

std::string number(double value) { return number_text(value, "nan"); }

}  // namespace

void write_evaluation(const std::filesystem::path& path, const h5::Record& record, bool overwrite,
                      const Evaluation& evaluation) {
    h5::Output file(path, "evaluation", record, overwrite);
    h5::Node& root = file.root();
    root.attr("protocol", evaluation.protocol);
    root.attr("optimistic", evaluation.optimistic ? 1 : 0);
    root.attr("optimistic_reason", evaluation.optimistic_reason);
    root.attr("data_warnings", evaluation.data_warnings);
    root.scale("model", evaluation.label, {"model; the first is the reference"});
    root.index_scale("row", evaluation.rois.size(), {"row of the table"});
    write_table(root, evaluation);
    for (const auto& roi : evaluation.rois) write_roi(root, roi);
    write_layers(root, evaluation);
    if (!evaluation.sets.empty()) write_sets(root, evaluation);
    if (!evaluation.groups.empty()) write_groups(root, evaluation);
    file.commit();
}

std::string evaluation_tsv(const Evaluation& e) {
    std::string out = "subject\themisphere\troi_class\troi\tvoxels\timages\tmodel\tprotocol\tceiling_mode\tceiling_r";
    for (const auto& column : score_columns()) out += fmt::format("\t{}", column.name);
    out += "\toptimistic\n";
    for (const auto& roi : e.rois)
        for (std::size_t m = 0; m < roi.models.size(); ++m) {
            const ModelScores& model = roi.models[m];
            if (!model.present) continue;
            out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}", roi.subject, roi.hemisphere, roi.roi_class,
                               roi.roi, roi.voxels, model.images, e.label[m], model.protocol,
                               roi.ceiling_mode, number(roi.ceiling_r));
            for (const auto& column : score_columns()) out += '\t' + number(column.of(model));
            out += fmt::format("\t{}\n", model.optimistic ? 1 : 0);
        }
    return out;
}

std::string forest_tsv(const Evaluation& e) {
    std::string out = "hemisphere\troi_class\troi\tmodel\tquantity\tsubject\tvalue\tlow\thigh\tp_value\tbetween_subjects\theterogeneity\toptimistic\n";
    constexpr double none = std::numeric_limits<double>::quiet_NaN();
    for (const auto& g : e.groups) {
        const auto line = [&](const std::string& subject, double value, double low, double high, double p, double between, double share) {
            out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\n", g.hemisphere, g.roi_class, g.roi, e.label[g.model], g.quantity, subject,
                               number(value), number(low), number(high), number(p), number(between), number(share), g.optimistic ? 1 : 0);
        };
        for (std::size_t i = 0; i < g.subject.size(); ++i) line(g.subject[i], g.effect[i], g.low[i], g.high[i], none, none, none);
        line("mean", g.test.mean, none, none, g.test.sign_flip_p, none, none);
        line("random effects", g.test.estimate, g.test.low, g.test.high, none, g.test.between, g.test.heterogeneity);
    }
    return out;
}

nlohmann::ordered_json evaluation_json(const Evaluation& e) {
    auto rows = nlohmann::ordered_json::array();
    auto value = [](double v) { return std::isnan(v) ? nlohmann::ordered_json() : nlohmann::ordered_json(v); };
    for (const auto& roi : e.rois)
        for (std::size_t m = 0; m < roi.models.size(); ++m) {
            const ModelScores& model = roi.models[m];
            if (!model.present) continue;
            nlohmann::ordered_json row = {
                {"subject", roi.subject}, {"hemisphere", roi.hemisphere}, {"roi_class", roi.roi_class},
                {"roi", roi.roi}, {"voxels", roi.voxels}, {"images", model.images}, {"model", e.label[m]},
                {"protocol", model.protocol}, {"ceiling_mode", roi.ceiling_mode}, {"ceiling_r", value(roi.ceiling_r)}};
            for (const auto& column : score_columns()) row[column.name] = value(column.of(model));
            row["optimistic"] = model.optimistic;
            rows.push_back(std::move(row));
        }
    return {{"protocol", e.protocol}, {"optimistic", e.optimistic}, {"optimistic_reason", e.optimistic_reason},
            {"rows", rows}};
}

}  // namespace cortune::encode
