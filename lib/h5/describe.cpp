// SPDX-License-Identifier: BSD-3-Clause
#include "h5/describe.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>

#include "core/text.hpp"

namespace cortune::h5 {
namespace {

using Json = nlohmann::ordered_json;

Json number(double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); }

// Mean over finite values; null where there is none.
template <class T>
Json mean(const std::vector<T>& values) {
    double sum = 0;
    std::int64_t n = 0;
    for (T x : values)
        if (std::isfinite(x)) sum += static_cast<double>(x), ++n;
    return n == 0 ? Json(nullptr) : number(sum / static_cast<double>(n));
}

// The attributes of the root that are there, but for those of the file's head.
Json attributes(const Node& root, const std::vector<std::string>& names) {
    Json out = Json::object();
    for (const auto& name : names) {
        if (!root.has_attr(name)) continue;
        Handle attribute(H5Aopen(root.id(), name.c_str(), H5P_DEFAULT));
        Handle type(H5Aget_type(attribute.get())), space(H5Aget_space(attribute.get()));
        const bool scalar = H5Sget_simple_extent_type(space.get()) == H5S_SCALAR;
        const auto kind = H5Tget_class(type.get());
        if (kind == H5T_STRING)
            out[name] = scalar ? Json(root.attr_string(name)) : Json(root.attr_strings(name));
        else if (kind == H5T_INTEGER)
            out[name] = scalar ? Json(root.attr_int(name)) : Json(root.attr_ints(name));
        else
            out[name] = scalar ? Json(root.attr_double(name)) : Json(root.attr_doubles(name));
    }
    return out;
}

Json split_counts(const Node& root) {
    std::array<std::int64_t, 3> count{};
    for (auto side : root.dataset("split").read<std::uint8_t>())
        if (side < count.size()) ++count[side];
    return {{"train", count[0]}, {"test", count[1]}, {"official_test", count[2]}};
}

Json rois(const Node& root, const std::string& hemisphere) {
    Json out = Json::array();
    for (const auto& name : root.children()) {
        if (!name.starts_with("roi_" + hemisphere + "_")) continue;
        const Dataset d = root.dataset(name);
        const auto values = d.attr_ints("label_values");
        const auto names = d.attr_strings("label_names");
        std::map<std::int64_t, std::int64_t> voxels;
        for (auto label : d.read<std::int16_t>()) ++voxels[label];
        for (std::size_t i = 0; i < std::min(values.size(), names.size()); ++i)
            out.push_back({{"hemisphere", hemisphere},
                           {"class", d.attr_string("roi_class")},
                           {"roi", names[i]},
                           {"voxels", voxels[values[i]]}});
    }
    return out;
}

void describe_dataset(const Node& root, Json& out) {
    out.update(attributes(
        root, {"subject", "layout", "image_namespace", "image_size", "split_rule", "split_seed", "test_share"}));
    out["images"] = root.dataset("image").size();
    out["split"] = split_counts(root);
    if (root.has("repeats")) {
        const auto repeats = root.dataset("repeats").read<std::int32_t>();
        out["mean_repeats"] = mean(std::vector<double>(repeats.begin(), repeats.end()));
    }
    out["hemispheres"] = Json::array();
    Json all_rois = Json::array();
    for (const auto& h : root.attr_strings("hemispheres")) {
        const Dataset vertex = root.dataset("vertex_" + h);
        Json entry = {{"hemisphere", h},
                      {"vertices", vertex.size()},
                      {"space", vertex.attr_string("space")},
                      {"mean_noise_ceiling", nullptr}};
        if (root.has("noise_ceiling_" + h))
            entry["mean_noise_ceiling"] = mean(root.dataset("noise_ceiling_" + h).read<float>());
        out["hemispheres"].push_back(entry);
        for (auto& roi : rois(root, h)) all_rois.push_back(std::move(roi));
    }
    out["rois"] = all_rois;
    if (!root.has("checks")) return;
    const Node checks = root.group("checks");
    const auto check = checks.dataset("check").read_strings(), where = checks.dataset("where").read_strings(),
               words = checks.dataset("text").read_strings();
    const auto warning = checks.dataset("warning").read<std::int16_t>();
    out["checks"] = Json::array();
    for (std::size_t i = 0; i < std::min({check.size(), where.size(), words.size(), warning.size()}); ++i)
        out["checks"].push_back({{"check", check[i]}, {"where", where[i]}, {"warning", warning[i]}, {"text", words[i]}});
}

std::uint64_t parameters(const Node& group) {
    std::uint64_t n = 0;
    for (const auto& name : group.children())
        if (!name.starts_with("axis")) n += group.dataset(name).size();
    return n;
}

void describe_history(const Node& root, Json& out) {
    if (!root.has("history")) return;
    const auto loss = root.dataset("history/loss").read<double>();
    const auto validation = root.dataset("history/validation_loss").read<double>();
    out["epochs"] = loss.size();
    if (loss.empty()) return;
    out["first_loss"] = number(loss.front());
    out["last_loss"] = number(loss.back());
    if (!validation.empty() && std::isfinite(validation.back()))
        out["last_validation_loss"] = validation.back();
}

void describe_model(const Node& root, Json& out) {
    out.update(attributes(root, {"backbone", "method", "image_size", "mean", "std", "subjects",
                                 "dataset_uuids", "hemisphere", "roi_class", "roi", "seed", "options"}));
    if (out.contains("options"))
        out["options"] = Json::parse(out["options"].get<std::string>(), nullptr, false);
    out["parameters"] = parameters(root.group("backbone"));
    if (root.has("heads")) out["head_parameters"] = parameters(root.group("heads"));
    if (root.has("vertex")) out["voxels"] = root.dataset("vertex").size();
    if (root.has("tuned")) out["tuning_images"] = root.dataset("tuned/image").size();
    describe_history(root, out);
}

// Every group below `node` that has a scale "voxel".
void collect_results(const Node& node, const std::function<void(const Node&)>& visit) {
    if (node.has("voxel")) return visit(node);
    for (const auto& name : node.children())
        if (node.is_group(name)) collect_results(node.group(name), visit);
}

void describe_encoding(const Node& root, Json& out) {
    out.update(attributes(root, {"subject", "backbone", "method", "tuned_to", "data_warnings", "protocol", "optimistic",
                                 "optimistic_reason", "dataset_uuid", "model_uuid"}));
    const auto layers = root.dataset("layer").read_strings();
    out["images"] = root.dataset("image").size();
    out["tuning_images"] = root.has("tuned") ? root.dataset("tuned/image").size() : 0;
    out["layers"] = layers;
    out["saved_weights"] = root.has("weights");
    Json table = Json::array();
    collect_results(root.group("results"), [&](const Node& roi) {
        const std::string chosen = roi.attr_string("chosen_layer");
        const auto voxels = roi.dataset("voxel").size();
        const auto layer =
            static_cast<std::uint64_t>(std::find(layers.begin(), layers.end(), chosen) - layers.begin());
        std::vector<float> r(voxels);
        if (layer < layers.size()) roi.dataset("cv_r").read_rows<float>(layer, 1, r.data());
        table.push_back({{"hemisphere", roi.attr_string("hemisphere")},
                         {"class", roi.attr_string("roi_class")},
                         {"roi", roi.attr_string("roi")},
                         {"voxels", voxels},
                         {"chosen_layer", chosen},
                         {"mean_cv_r", mean(r)}});
    });
    out["rois"] = table;
}

void describe_evaluation(const Node& root, Json& out) {
    out.update(attributes(root, {"protocol", "optimistic", "optimistic_reason"}));
    const auto models = root.dataset("model").read_strings();
    out["models"] = models;
    const Node table = root.group("table");
    const auto subject = table.dataset("subject").read_strings(),
               hemisphere = table.dataset("hemisphere").read_strings();
    const auto roi_class = table.dataset("roi_class").read_strings(),
               roi = table.dataset("roi").read_strings();
    const auto voxels = table.dataset("voxels").read<std::int32_t>();
    const auto r = table.dataset("mean_r").read<double>();
    out["rois"] = Json::array();
    for (std::size_t row = 0; row < std::min(voxels.size(), roi.size()); ++row) {
        Json line = {{"subject", subject.at(row)},
                     {"hemisphere", hemisphere.at(row)},
                     {"class", roi_class.at(row)},
                     {"roi", roi[row]},
                     {"voxels", voxels[row]}};
        for (std::size_t m = 0; m < models.size(); ++m)
            line["mean_r " + models[m]] = number(r.at(row * models.size() + m));
        out["rois"].push_back(line);
    }
}

void describe_transfer(const Node& root, Json& out) {
    out.update(attributes(root, {"optimistic"}));
    const auto source = root.dataset("source").read_strings(), target = root.dataset("target").read_strings();
    out["rows"] = root.dataset("row").size();
    out["pairs"] = Json::array();
    const Node all = root.group("matrix/all");
    const auto rois = all.dataset("rois").read<double>(), share = all.dataset("share_improved").read<double>(), gain = all.dataset("gain").read<double>();
    for (std::size_t i = 0; i < std::min({rois.size(), share.size(), gain.size(), source.size() * target.size()}); ++i)
        if (std::isfinite(rois[i]))
            out["pairs"].push_back({{"source", source[i / target.size()]},
                                    {"target", target[i % target.size()]},
                                    {"regions", rois[i]},
                                    {"share_improved", number(share[i])},
                                    {"gain", number(gain[i])}});
}

void describe_checkpoint(const Node& root, Json& out) {
    out.update(attributes(root, {"epoch", "best_epoch", "best_loss", "identity"}));
    if (out.contains("identity"))
        out["identity"] = Json::parse(out["identity"].get<std::string>(), nullptr, false);
    describe_history(root, out);
}

void describe_features(const Node& root, Json& out) {
    out.update(attributes(root, {"backbone", "method", "image_size", "fit", "pool", "tuned_subjects", "hemisphere", "roi_class", "roi", "temperature", "subject", "dataset_uuid",
                                 "model_uuid", "pca_images", "pca_split", "part_of"}));
    out["images"] = root.dataset("image").size();
    const auto tuned = root.dataset("tuned").read<std::int16_t>();
    out["tuning_images"] = std::count(tuned.begin(), tuned.end(), 1);
}

void describe_probe(const Node& root, Json& out) {
    out.update(attributes(root, {"backbone", "method", "tuned_subjects", "hemisphere", "roi_class", "roi", "layer", "labels", "c", "test_share", "split_seed", "train_images", "top1", "top1_low", "top1_high",
                                 "top5", "log_loss", "calibration_error", "optimistic", "optimistic_reason", "model_uuid"}));
    out["classes"] = root.dataset("class").size();
    out["test_images"] = root.dataset("image").size();
}

void describe_landscape(const Node& root, Json& out) {
    out.update(attributes(root, {"images", "classes", "optimistic", "optimistic_reason"}));
    const auto value = root.dataset("inpca/eigenvalue").read<double>(), explained = root.dataset("inpca/explained").read<double>();
    out["models"] = root.dataset("model").size();
    out["axes"] = Json::array();
    for (std::size_t k = 0; k < std::min<std::size_t>({value.size(), explained.size(), 5}); ++k)
        out["axes"].push_back({{"axis", k + 1}, {"eigenvalue", number(value[k])}, {"explained", number(explained[k])}});
    if (!root.has("groups")) return;
    const auto factor = root.dataset("groups/factor").read_strings();
    const auto effect = root.dataset("groups/effect").read<double>(), p = root.dataset("groups/p_value").read<double>();
    out["groups"] = Json::array();
    for (std::size_t i = 0; i < std::min({factor.size(), effect.size(), p.size()}); ++i)
        out["groups"].push_back({{"factor", factor[i]}, {"effect", number(effect[i])}, {"p", number(p[i])}});
}

void describe_information(const Node& root, Json& out) {
    out.update(attributes(root, {"subject", "hemisphere", "roi_class", "roi", "method", "bound", "bound_low", "bound_high", "ceiling", "saturated", "temperature", "trained_temperature",
                                 "trained_bound", "validation_pairs", "left_out", "model_uuid"}));
    out["pairs"] = root.dataset("image").size();
}

void describe_salience(const Node& root, Json& out) {
    out.update(attributes(root, {"backbone", "method", "tuned_subjects", "hemisphere", "roi_class", "roi", "map_method", "map_setting", "score_kind", "score_of", "score_subject", "score_hemisphere", "score_roi", "score_column", "layer", "tap", "flip_control", "model_uuid"}));
    out["images"] = root.dataset("image").size();
    const auto tuned = root.dataset("tuned").read<std::int16_t>(), fitted = root.dataset("fitted").read<std::int16_t>();
    std::vector<double> unseen;
    const auto index = root.dataset("index").read<double>();
    for (std::size_t i = 0; i < std::min({index.size(), tuned.size(), fitted.size()}); ++i)
        if (!tuned[i] && !fitted[i]) unseen.push_back(index[i]);
    out["unseen_images"] = unseen.size();
    out["mean_index_of_unseen"] = mean(unseen);
}

void describe_fields(const Node& root, Json& out) {
    out.update(attributes(root, {"backbone", "method", "tuned_subjects", "hemisphere", "roi_class", "roi", "map_size", "least_r", "model_uuid"}));
    out["images"] = root.dataset("image").size();
    out.update(attributes(root.group("results"), {"compared", "mean_x", "mean_y", "r_x", "r_y", "same_half", "distance"}));
}

void describe_lateralization(const Node& root, Json& out) {
    out.update(attributes(root, {"resamples", "optimistic"}));
    const auto subject = root.dataset("subject").read_strings(), roi = root.dataset("roi").read_strings();
    const auto effect = root.dataset("contralateral").read<double>(), p = root.dataset("contralateral_p").read<double>();
    out["pairs"] = Json::array();
    const std::size_t bands = subject.empty() ? 0 : effect.size() / subject.size();
    for (std::size_t i = 0; i < std::min(subject.size(), roi.size()); ++i)
        if (const auto at = i * bands; at < std::min(effect.size(), p.size()))
            out["pairs"].push_back({{"subject", subject[i]}, {"roi", roi[i]}, {"contralateral", number(effect[at])}, {"p", number(p[at])}});
}

void list_data_sets(const Node& node, const std::string& path, Json& out) {
    for (const auto& name : node.children()) {
        if (node.is_group(name)) {
            list_data_sets(node.group(name), path + name + '/', out);
            continue;
        }
        const Dataset d = node.dataset(name);
        out.push_back(
            {{"path", path + name}, {"type", d.type_name()}, {"shape", d.shape()}, {"axes", d.dims()}});
    }
}

std::string cell(const Json& value) {
    if (value.is_null()) return "-";
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number_float()) return fmt::format("{:.6g}", value.get<double>());
    if (!value.is_array()) return value.dump();
    std::vector<std::string> items;
    for (const auto& item : value) items.push_back(cell(item));
    return join(items, " ");
}

std::string table_text(const Json& rows, const std::string& pad) {
    std::vector<std::vector<std::string>> cells(1);
    for (const auto& [key, value] : rows[0].items()) cells[0].push_back(key);
    for (const auto& row : rows) {
        cells.emplace_back();
        for (const auto& [key, value] : row.items()) cells.back().push_back(cell(value));
    }
    std::vector<std::size_t> width(cells[0].size(), 0);
    for (const auto& row : cells)
        for (std::size_t c = 0; c < std::min(width.size(), row.size()); ++c)
            width[c] = std::max(width[c], row[c].size());
    std::string out;
    for (const auto& row : cells) {
        std::string line;
        for (std::size_t c = 0; c < std::min(width.size(), row.size()); ++c)
            line += fmt::format("{:<{}}  ", row[c], width[c]);
        out += pad + line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
    }
    return out;
}

std::string text(const Json& object, const std::string& pad) {
    std::string out;
    for (const auto& [key, value] : object.items()) {
        const bool table = value.is_array() && !value.empty() && value[0].is_object();
        if (table)
            out += fmt::format("{}{}:\n{}", pad, key, table_text(value, pad + "  "));
        else if (value.is_object())
            out += fmt::format("{}{}:\n{}", pad, key, text(value, pad + "  "));
        else
            out += fmt::format("{}{}: {}\n", pad, key, cell(value));
    }
    return out;
}

}  // namespace

Json describe(const Input& file) {
    const Node& root = file.root();
    Json out = {{"file", file.path().string()}, {"kind", file.kind()}};
    out.update(attributes(root, {"uuid", "created", "generated_by", "schema_version"}));
    static const std::map<std::string, void (*)(const Node&, Json&)> kinds = {
        {"dataset", describe_dataset},
        {"model", describe_model},
        {"encoding", describe_encoding},
        {"evaluation", describe_evaluation},
        {"transfer", describe_transfer},
        {"features", describe_features},
        {"probe", describe_probe},
        {"landscape", describe_landscape},
        {"information", describe_information},
        {"salience", describe_salience},
        {"fields", describe_fields},
        {"lateralization", describe_lateralization},
        {"checkpoint", describe_checkpoint}};
    if (const auto known = kinds.find(file.kind()); known != kinds.end()) known->second(root, out);
    out["data_sets"] = Json::array();
    list_data_sets(root, "/", out["data_sets"]);
    return out;
}

std::string describe_text(const Json& description) { return text(description, ""); }

}  // namespace cortune::h5
