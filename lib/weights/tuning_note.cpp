// SPDX-License-Identifier: BSD-3-Clause
#include "weights/tuning_note.hpp"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "h5/provenance.hpp"

namespace cortune::weights {
namespace {

using nlohmann::json;

// JSON has no NaN: null stands for it.
std::vector<double> numbers(const json& values) {
    std::vector<double> out;
    for (const auto& v : values)
        out.push_back(v.is_null() ? std::numeric_limits<double>::quiet_NaN() : v.get<double>());
    return out;
}

History read_history(const json& note, const std::string& where) {
    History out{numbers(note.at("loss")), numbers(note.at("validation_loss")), numbers(note.at("learning_rate"))};
    for (const auto* column : {&out.validation_loss, &out.learning_rate})
        if (column->size() != out.loss.size())
            throw BadInput(
                fmt::format("{}loss: expected validation_loss and learning_rate of its {} epochs, found {} and {}", where,
                            out.loss.size(), out.validation_loss.size(), out.learning_rate.size()));
    return out;
}

// Absent from notes of foreign writers.
void read_origin(const json& note, const std::string& where, Model& m) {
    if (!note.contains("uuid") && !note.contains("provenance")) return;
    note.at("uuid").get_to(m.uuid);
    m.provenance = note.at("provenance");
    const json& p = m.provenance;
    const bool tree = p.is_object() && p.contains("root") && p["root"] == m.uuid && p.contains("nodes") &&
                      h5::well_formed(p["nodes"]) && p["nodes"].contains(m.uuid);
    if (!tree) throw BadInput(where + "provenance: expected a JSON tree of commands whose root is the model's uuid");
}

void read_note(const json& note, const std::string& where, Model& m) {
    if (note.at("backbone") != m.backbone)
        throw BadInput(fmt::format("{}backbone: expected {}, as its tensors say, found {}", where, m.backbone,
                                   note.at("backbone").dump()));
    m.image_size = checked_image_size(note.at("image_size").get<std::int64_t>(), architecture(m.backbone),
                                      where + "image_size");
    if (note.size() == 2 && m.heads.empty()) return;  // no more than that is said of an untuned network
    note.at("method").get_to(m.method);
    note.at("subjects").get_to(m.subjects);
    note.at("dataset_uuids").get_to(m.dataset_uuids);
    note.at("hemisphere").get_to(m.hemisphere);
    note.at("roi_class").get_to(m.roi_class);
    note.at("roi").get_to(m.roi);
    note.at("seed").get_to(m.seed);
    note.at("options").get_to(m.options);
    note.at("column").get_to(m.column);
    note.at("vertex").get_to(m.vertex);
    if (note.contains("start_sha256")) note.at("start_sha256").get_to(m.start_sha256);
    if (note.contains("branch")) note.at("branch").get_to(m.branch);
    note.at("tuned_image").get_to(m.tuned_image);
    note.at("tuned_sha256").get_to(m.tuned_sha256);
    m.history = read_history(note, where);
    check_tuning(m, where, '_');
    read_origin(note, where, m);
}

void add_tuning(json& note, const Model& m) {
    note["method"] = m.method;
    note["subjects"] = m.subjects;
    note["dataset_uuids"] = m.dataset_uuids;
    note["hemisphere"] = m.hemisphere;
    note["roi_class"] = m.roi_class;
    note["roi"] = m.roi;
    note["seed"] = m.seed;
    note["options"] = m.options;
    note["column"] = m.column;
    note["vertex"] = m.vertex;
    note["tuned_image"] = m.tuned_image;
    note["tuned_sha256"] = m.tuned_sha256;
    note["loss"] = m.history.loss;
    note["validation_loss"] = m.history.validation_loss;
    note["learning_rate"] = m.history.learning_rate;
    if (!m.branch.empty()) note["branch"] = m.branch;
    if (!m.start_sha256.empty()) note["start_sha256"] = m.start_sha256;
    if (!m.uuid.empty()) note["uuid"] = m.uuid, note["provenance"] = m.provenance;
}

}  // namespace

std::map<std::string, std::string> tuning_note(const Model& m) {
    std::map<std::string, std::string> out = {{"format", "pt"}};
    json note = {{"backbone", m.backbone}, {"image_size", m.image_size}};
    if (m.tuned()) add_tuning(note, m);
    // Ids may hold bytes that are no UTF-8.
    out["cortune.model"] = note.dump(-1, ' ', false, json::error_handler_t::replace);
    return out;
}

void read_tuning_note(const std::map<std::string, std::string>& metadata, const std::string& where,
                      Model& m) {
    const auto found = metadata.find("cortune.model");
    if (found == metadata.end()) {
        if (m.heads.empty()) return;
        throw BadInput(where + ": holds the heads of a tuning, but its metadata lack the note 'cortune.model' on it",
                       "a program that wrote it anew has dropped the note; convert the cortune model again");
    }
    try {
        read_note(json::parse(found->second), where + ":cortune.model/", m);
    } catch (const json::exception& e) {
        throw BadInput(
            fmt::format("{}: the note 'cortune.model' in its metadata is malformed ({})", where, e.what()));
    }
}

std::pair<StateDict, StateDict> separate_heads(StateDict state) {
    std::pair<StateDict, StateDict> out;
    for (auto& t : state) {
        const bool head = t.name.starts_with(heads_prefix);
        if (head) t.name.erase(0, std::string(heads_prefix).size());
        (head ? out.second : out.first).push_back(std::move(t));
    }
    return out;
}

}  // namespace cortune::weights
