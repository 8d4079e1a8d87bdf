// SPDX-License-Identifier: BSD-3-Clause
#include "encode/evaluation_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "core/text.hpp"

namespace cortune::encode {
namespace {

// A figure of one model in one ROI: its column in the table, on stdout and in the file.
struct Figure {
    const char* name;
    const char* long_name;
    double (*of)(const ModelScores&);
};

const std::vector<Figure>& figures() {
    static const std::vector<Figure> all = {
        {"mean_r", "mean over voxels of Pearson r", [](const ModelScores& m) { return m.mean_r; }},
        {"mean_r_low", "2.5th percentile of the mean r, bootstrap over images", [](const ModelScores& m) { return m.mean_r_low; }},
        {"mean_r_high", "97.5th percentile of the mean r, bootstrap over images", [](const ModelScores& m) { return m.mean_r_high; }},
        {"median_r", "median over voxels of Pearson r", [](const ModelScores& m) { return m.median_r; }},
        {"mean_r2", "mean over voxels of max(r, 0) squared", [](const ModelScores& m) { return m.mean_r2; }},
        {"share_of_ceiling", "mean over voxels of r2 / noise ceiling, not capped, where the ceiling is above 0",
         [](const ModelScores& m) { return m.share_of_ceiling; }},
        {"median_share_of_ceiling", "median over voxels of the same",
         [](const ModelScores& m) { return m.median_share_of_ceiling; }},
        {"challenge_score", "mean over voxels of min(1, r2 / noise ceiling), a ceiling of 0 read as 1e-14 (Algonauts 2023)",
         [](const ModelScores& m) { return m.challenge_score; }},
        {"median_challenge_score", "median over voxels of the same",
         [](const ModelScores& m) { return m.median_challenge_score; }},
        {"above_ceiling", "voxels whose r2 exceeds their noise ceiling",
         [](const ModelScores& m) { return static_cast<double>(m.above_ceiling); }},
        {"share_significant", "share of voxels with r above chance, false discovery rate .05 in the ROI",
         [](const ModelScores& m) { return m.share_significant; }},
        {"share_improved", "share of voxels with a higher r than the first model's",
         [](const ModelScores& m) { return m.test.share_improved; }},
        {"share_p_value", "two-sided p of the share, predictions exchanged image by image",
         [](const ModelScores& m) { return m.test.share_p; }},
        {"share_binomial_p", "two-sided binomial p of the share, as if voxels were independent",
         [](const ModelScores& m) { return m.test.share_binomial_p; }},
        {"difference", "mean r minus the first model's", [](const ModelScores& m) { return m.test.difference; }},
        {"difference_low", "2.5th percentile of the difference, bootstrap over images",
         [](const ModelScores& m) { return m.test.low; }},
        {"difference_high", "97.5th percentile of the difference, bootstrap over images",
         [](const ModelScores& m) { return m.test.high; }},
        {"effect_size", "difference / its standard deviation over voxels", [](const ModelScores& m) { return m.test.effect; }},
        {"effect_size_low", "lower end of its 95 % interval, jackknife over images",
         [](const ModelScores& m) { return m.test.effect_low; }},
        {"effect_size_high", "upper end of its 95 % interval, jackknife over images",
         [](const ModelScores& m) { return m.test.effect_high; }},
        {"p_value", "two-sided p of the difference, predictions exchanged image by image",
         [](const ModelScores& m) { return m.test.p; }},
    };
    return all;
}

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
    for (const auto& figure : figures())
        table.put(figure.name, {"row", "model"}, cells<double>(e, figure.of), {figure.long_name});
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

std::string number(double value) { return std::isnan(value) ? "nan" : fmt::format("{:.6g}", value); }

}  // namespace

void write_evaluation(const std::filesystem::path& path, const h5::Record& record, bool overwrite,
                      const Evaluation& evaluation) {
    h5::Output file(path, "evaluation", record, overwrite);
    h5::Node& root = file.root();
    root.attr("protocol", evaluation.protocol);
    root.attr("optimistic", evaluation.optimistic ? 1 : 0);
    root.attr("optimistic_reason", evaluation.optimistic_reason);
    root.scale("model", evaluation.label, {"model; the first is the reference"});
    root.index_scale("row", evaluation.rois.size(), {"row of the table"});
    write_table(root, evaluation);
    for (const auto& roi : evaluation.rois) write_roi(root, roi);
    if (!evaluation.groups.empty()) write_groups(root, evaluation);
    file.commit();
}

std::string evaluation_tsv(const Evaluation& e) {
    std::string out = "subject\themisphere\troi_class\troi\tvoxels\timages\tmodel\tprotocol\tceiling_mode\tceiling_r";
    for (const auto& figure : figures()) out += fmt::format("\t{}", figure.name);
    out += "\toptimistic\n";
    for (const auto& roi : e.rois)
        for (std::size_t m = 0; m < roi.models.size(); ++m) {
            const ModelScores& model = roi.models[m];
            if (!model.present) continue;
            out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}", roi.subject, roi.hemisphere, roi.roi_class,
                               roi.roi, roi.voxels, model.images, e.label[m], model.protocol,
                               roi.ceiling_mode, number(roi.ceiling_r));
            for (const auto& figure : figures()) out += '\t' + number(figure.of(model));
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
            for (const auto& figure : figures()) row[figure.name] = value(figure.of(model));
            row["optimistic"] = model.optimistic;
            rows.push_back(std::move(row));
        }
    return {{"protocol", e.protocol}, {"optimistic", e.optimistic}, {"optimistic_reason", e.optimistic_reason},
            {"rows", rows}};
}

}  // namespace cortune::encode
