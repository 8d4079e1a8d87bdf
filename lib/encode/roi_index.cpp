// SPDX-License-Identifier: BSD-3-Clause
#include "encode/roi_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/error.hpp"
#include "core/text.hpp"

namespace cortune::encode {
namespace {

using Places = std::map<RoiKey, RoiSource>;  // of one model

Places places_of(const ModelFiles& model, std::vector<RoiKey>& order) {
    Places out;
    for (const auto& file : model.files)
        for (const auto& path : file.roi_paths()) {
            const h5::Node node = file.input().root().group(path);
            const RoiKey key{file.header().subject, node.attr_string("hemisphere"), node.attr_string("roi_class"),
                          node.attr_string("roi")};
            const auto [known, added] = out.emplace(key, RoiSource{&file, {path}});
            if (!added)
                throw BadInput(fmt::format("{}:/{}: model '{}' has this ROI in {} already", file.input().path().string(), path,
                                           model.label, known->second.where()),
                               "--model LABEL=FILE gives each model a label of its own");
            order.push_back(key);
        }
    return out;
}

std::vector<std::string> parts_of(const std::string& roi) {
    auto out = split(roi, '+');
    for (auto& part : out) part = trim(part);
    std::sort(out.begin(), out.end());
    return out;
}

bool same_roi(const RoiKey& a, const RoiKey& b) {
    return a.subject == b.subject && a.hemisphere == b.hemisphere && a.roi_class == b.roi_class && parts_of(a.roi) == parts_of(b.roi);
}

// A model's place for a ROI, whatever the order of a union's parts; for a union "A+B" that it lacks, its parts, where one file has
// them all. No file: the model has nothing of the kind.
RoiSource find_source(const Places& places, const RoiKey& key) {
    if (const auto found = places.find(key); found != places.end()) return found->second;
    RoiSource out;
    const auto parts = parts_of(key.roi);
    if (parts.size() < 2) return {};
    for (const auto& [other, source] : places)
        if (same_roi(other, key)) return source;
    for (const auto& part : parts) {
        const auto found = places.find({key.subject, key.hemisphere, key.roi_class, part});
        if (found == places.end() || (out.file && out.file != found->second.file)) return {};
        out.file = found->second.file;
        out.paths.push_back(found->second.paths[0]);
    }
    return out;
}

}  // namespace

std::vector<std::pair<RoiKey, std::vector<RoiSource>>> index_rois(const std::vector<ModelFiles>& models, Reporter& reporter) {
    std::vector<Places> places;
    std::vector<RoiKey> order;
    for (std::size_t m = 0; m < models.size(); ++m) {
        std::vector<RoiKey> own;
        places.push_back(places_of(models[m], own));
        std::size_t paired = 0;
        for (const auto& key : own) {
            const bool known = m == 0 || find_source(places[0], key).file != nullptr;
            paired += known;
            if (!known)
                reporter.warn(fmt::format("{}: {} is left out: the first model ({}) does not have it", models[m].label,
                                          key.text(), models[0].label));
            else if (std::none_of(order.begin(), order.end(), [&](const RoiKey& other) { return same_roi(other, key); })) order.push_back(key);
        }
        for (std::size_t k = 0; m > 0 && k < order.size(); ++k) paired += find_source(places[m], order[k]).file != nullptr;
        if (paired == 0)
            throw BadInput(fmt::format("model '{}' has no ROI that the first model ({}) has", models[m].label, models[0].label),
                           "cortune-info FILE lists the subject and ROIs of each file");
    }
    std::vector<std::pair<RoiKey, std::vector<RoiSource>>> out;
    for (const auto& key : order) {
        std::vector<RoiSource> sources;
        for (const auto& model : places) sources.push_back(find_source(model, key));
        out.emplace_back(key, std::move(sources));
    }
    return out;
}

}  // namespace cortune::encode
