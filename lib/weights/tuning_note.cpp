// SPDX-License-Identifier: BSD-3-Clause
#include "weights/tuning_note.hpp"

#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.hpp"

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

}  // namespace

std::map<std::string, std::string> tuning_note(const Model& m) {
    std::map<std::string, std::string> out = {{"format", "pt"}};
    if (!m.tuned()) return out;
    const json note = {{"backbone", m.backbone},
                       {"image_size", m.image_size},
                       {"method", m.method},
                       {"subjects", m.subjects},
                       {"dataset_uuids", m.dataset_uuids},
                       {"hemisphere", m.hemisphere},
                       {"roi_class", m.roi_class},
                       {"roi", m.roi},
                       {"seed", m.seed},
                       {"options", m.options},
                       {"column", m.column},
                       {"vertex", m.vertex},
                       {"tuned_image", m.tuned_image},
                       {"tuned_sha256", m.tuned_sha256},
                       {"loss", m.history.loss},
                       {"validation_loss", m.history.validation_loss},
                       {"learning_rate", m.history.learning_rate}};
    out["cortune.model"] = note.dump();
    return out;
}

void read_tuning_note(const std::map<std::string, std::string>& metadata, const std::string& where,
                      Model& m) {
    const auto found = metadata.find("cortune.model");
    if (found == metadata.end()) return;
    try {
        const json note = json::parse(found->second);
        if (note.at("backbone") != m.backbone)
            throw BadInput(where + ": its note names another backbone");
        note.at("image_size").get_to(m.image_size);
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
        note.at("tuned_image").get_to(m.tuned_image);
        note.at("tuned_sha256").get_to(m.tuned_sha256);
        m.history = {numbers(note.at("loss")), numbers(note.at("validation_loss")),
                     numbers(note.at("learning_rate"))};
    } catch (const json::exception& e) {
        throw BadInput(where + ": the note 'cortune.model' in its metadata is malformed (" + e.what() +
                       ")");
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
