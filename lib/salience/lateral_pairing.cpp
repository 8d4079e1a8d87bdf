// SPDX-License-Identifier: BSD-3-Clause
#include "salience/lateral_pairing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>

#include "core/error.hpp"
#include "core/text.hpp"

namespace cortune::salience {
namespace {

// A predicted response says itself whose it is, whatever network predicts it.
const std::string& hemisphere_of(const SalienceHeader& h) { return h.score.kind == "response" ? h.score.hemisphere : h.hemisphere; }

// What has to be equal of two files whatever they are of.
std::string maps_key(const SalienceHeader& h) {
    return join({h.backbone, h.fit, h.score.kind, h.score.of, std::to_string(h.score.column), h.map_method, h.map_setting, h.layer, h.tap}, "\n");
}

std::string pair_key(const SalienceHeader& h) {
    const auto& s = h.score;
    if (s.kind == "response") return join({maps_key(h), h.method, s.subject, s.roi_class, s.roi}, "\n");
    return join({maps_key(h), s.setting, h.method, h.subjects, h.roi_class, h.roi}, "\n");
}

void refuse_repeated(const std::vector<SalienceFile>& files) {
    std::map<std::string, std::string> seen, networks;
    for (const auto& f : files) {
        const auto& h = f.header();
        const std::string path = f.input().path().string();
        if (const auto [at, fresh] = seen.emplace(f.input().uuid(), path); !fresh) throw BadInput(fmt::format("{} and {} are one file", at->second, path), "give each once");
        const std::string network = join({pair_key(h), hemisphere_of(h), h.model_sha256}, "\n");
        if (const auto [at, fresh] = networks.emplace(network, path); !fresh) throw BadInput(fmt::format("{} and {} are the same maps of one network", at->second, path), "give one");
    }
}

}  // namespace

std::vector<PairedFiles> pair_files(const std::vector<SalienceFile>& files, std::vector<std::string>& unpaired) {
    refuse_repeated(files);
    std::map<std::string, std::array<std::vector<const SalienceFile*>, 2>> sides;
    std::vector<std::string> order;  // of keys, as files were given
    std::map<std::string, const SalienceFile*> untuned;
    for (const auto& f : files) {
        const auto& h = f.header();
        const std::string& hemisphere = hemisphere_of(h);
        if (hemisphere == "lh" || hemisphere == "rh") {
            if (!sides.contains(pair_key(h))) order.push_back(pair_key(h));
            sides[pair_key(h)][hemisphere == "rh"].push_back(&f);
        } else if (h.roi.empty() && h.score.kind != "response") untuned[maps_key(h)] = &f;
        else unpaired.push_back(f.input().path().string());
    }
    std::vector<PairedFiles> out;
    for (const auto& key : order) {
        const auto& [left, right] = sides[key];
        if (left.empty() || right.empty()) {
            for (const auto* f : left.empty() ? right : left) unpaired.push_back(f->input().path().string());
            continue;
        }
        if (left.size() != right.size())
            throw BadInput(fmt::format("{} of the files are of {}'s left hemisphere and {} of its right one: which belong together is not clear ({}, …)", left.size(), left[0]->header().score.roi + left[0]->header().roi, right.size(),
                                       left[0]->input().path().string()), "as many of either, in the same order");
        for (std::size_t i = 0; i < left.size(); ++i) {
            const auto reference = untuned.find(maps_key(left[i]->header()));
            out.push_back({left[i], right[i], reference == untuned.end() ? nullptr : reference->second});
        }
    }
    if (out.empty())
        throw BadInput("no two of the files are of the left and the right hemisphere of one region, with the same score, layer and method of maps", "salience-map of the networks tuned to lh and to rh, with the same options");
    return out;
}

ComparedPictures compared_pictures(const std::vector<const SalienceFile*>& files, bool allow_seen) {
    std::vector<std::unordered_map<std::string, std::size_t>> places(files.size());
    for (std::size_t f = 0; f < files.size(); ++f)
        for (std::size_t i = 0; i < files[f]->header().image.size(); ++i) places[f].emplace(files[f]->header().image[i], i);
    ComparedPictures out;
    out.rows.resize(files.size());
    for (const auto& id : files[0]->header().image) {
        std::vector<std::size_t> at;
        bool seen = false, other = false;
        for (std::size_t f = 0; f < files.size(); ++f) {
            const auto found = places[f].find(id);
            if (found == places[f].end()) break;
            at.push_back(found->second);
            const auto &own = files[f]->images(), &first = files[0]->images();
            seen = seen || own.tuned[at[f]] || own.fitted[at[f]];
            other = other || (own.of.empty() ? "" : own.of[at[f]]) != (first.of.empty() ? "" : first.of[at[0]]);
            if (own.sha256[at[f]] != first.sha256[at[0]])
                throw BadInput(fmt::format("{} and {}: {} is not the same picture", files[0]->input().path().string(), files[f]->input().path().string(), id), "make both of the same pictures");
        }
        if (at.size() < files.size()) continue;
        out.left_out += seen;
        if (seen && !allow_seen) continue;
        out.other_class += other;
        if (other) continue;
        out.image.push_back(id);
        for (std::size_t f = 0; f < files.size(); ++f) out.rows[f].push_back(at[f]);
    }
    return out;
}

}  // namespace cortune::salience
