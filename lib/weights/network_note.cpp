// SPDX-License-Identifier: BSD-3-Clause
#include "weights/network_note.hpp"

#include "core/text.hpp"

namespace cortune::weights {
namespace {

struct NoteAttribute {
    const char* name;
    std::string NetworkNote::* at;
    bool of_tuned;
};
constexpr NoteAttribute note_attributes[] = {{"backbone", &NetworkNote::backbone, false},       {"method", &NetworkNote::method, false},
                                             {"model_uuid", &NetworkNote::model_uuid, false},   {"model_sha256", &NetworkNote::model_sha256, false},
                                             {"tuned_subjects", &NetworkNote::subjects, true},  {"hemisphere", &NetworkNote::hemisphere, true},
                                             {"roi_class", &NetworkNote::roi_class, true},      {"roi", &NetworkNote::roi, true}};

}  // namespace

std::string network_label(const NetworkNote& n) {
    if (n.roi.empty()) return "untuned";
    return n.subjects + (n.hemisphere == "all" ? "" : ' ' + n.hemisphere) + ' ' + n.roi + (n.method == "infonce" ? "" : ", " + n.method);
}

NetworkNote network_note(const Model& model) {
    NetworkNote out{model.backbone, model.method, model.uuid, parameters_sha256(model.parameters), "", "", "", ""};
    if (model.tuned()) out.subjects = join(model.subjects, "+"), out.hemisphere = model.hemisphere, out.roi_class = model.roi_class, out.roi = model.roi;
    return out;
}

void write_network_note(h5::Node& root, const NetworkNote& note) {
    for (const auto& a : note_attributes)
        if (!a.of_tuned || !(note.*a.at).empty()) root.attr(a.name, note.*a.at);
}

NetworkNote read_network_note(const h5::Node& root) {
    NetworkNote out;
    for (const auto& a : note_attributes)
        if (!a.of_tuned || root.has_attr(a.name)) out.*a.at = root.attr_string(a.name);
    return out;
}

}  // namespace cortune::weights
