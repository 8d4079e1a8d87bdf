// SPDX-License-Identifier: BSD-3-Clause
// Finding regions by name.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/dataset.hpp"

namespace cortune::datasets {
namespace {

bool has_label(const RoiClass& c, const std::string& name) {
    return std::find(c.label_name.begin(), c.label_name.end(), name) != c.label_name.end();
}

std::vector<std::int64_t> columns_of(const RoiClass& c, const std::vector<std::string>& names) {
    std::set<std::int16_t> wanted;
    for (std::size_t i = 0; i < c.label_name.size(); ++i)
        if (std::find(names.begin(), names.end(), c.label_name[i]) != names.end())
            wanted.insert(c.label_value[i]);
    std::vector<std::int64_t> out;
    for (std::size_t v = 0; v < c.label.size(); ++v)
        if (wanted.count(c.label[v])) out.push_back(static_cast<std::int64_t>(v));
    return out;
}

// The classes among `searched` that have every label of `names`. BadInput for a label
// that none has; UsageError where each exists but no class has them all.
std::vector<const RoiClass*> classes_with(const std::vector<const RoiClass*>& searched,
                                          const std::vector<std::string>& names, const std::string& where) {
    for (const std::string& name : names) {
        auto known = [&](const RoiClass* c) { return has_label(*c, name); };
        if (std::any_of(searched.begin(), searched.end(), known)) continue;
        std::vector<std::string> labels;
        for (const RoiClass* c : searched)
            labels.insert(labels.end(), c->label_name.begin(), c->label_name.end());
        labels.emplace_back("all");
        throw MissingRoi(fmt::format("{}: unknown ROI '{}'; known: {}", where, name,
                                   join(nearest_first(name, labels))));
    }
    std::vector<const RoiClass*> out;
    for (const RoiClass* c : searched)
        if (std::all_of(names.begin(), names.end(), [&](const auto& n) { return has_label(*c, n); }))
            out.push_back(c);
    if (out.empty())
        throw UsageError(fmt::format("{}: '{}' joins labels of different ROI classes", where, join(names, "+")),
                         "a union takes labels of one class");
    return out;
}

}  // namespace

const Hemisphere& DatasetFile::hemisphere(const std::string& name) const {
    std::vector<std::string> known;
    for (const Hemisphere& h : hemispheres_) {
        if (h.name == name) return h;
        known.push_back(h.name);
    }
    throw BadInput(fmt::format("{}: no hemisphere '{}'; known: {}", where(), name, join(known)));
}

std::vector<Roi> DatasetFile::rois() const {
    std::vector<Roi> out;
    for (const Hemisphere& h : hemispheres_)
        for (const RoiClass& c : h.roi_classes)
            for (const std::string& name : c.label_name) {
                Roi roi{h.name, c.name, name, columns_of(c, {name})};
                if (!roi.column.empty()) out.push_back(std::move(roi));
            }
    return out;
}

Roi DatasetFile::roi(const std::string& hemisphere_name, const std::string& roi_class,
                     const std::string& roi) const {
    const Hemisphere& h = hemisphere(hemisphere_name);
    const std::string place = fmt::format("{}:{}", where(), h.name);
    if (roi == "all") {
        Roi out{h.name, "all", roi, std::vector<std::int64_t>(h.vertex.size())};
        std::iota(out.column.begin(), out.column.end(), 0);
        return out;
    }
    std::vector<const RoiClass*> searched;
    std::vector<std::string> known;
    for (const RoiClass& c : h.roi_classes) {
        if (roi_class.empty() || c.name == roi_class) searched.push_back(&c);
        known.push_back(c.name);
    }
    if (searched.empty())
        throw MissingRoi(fmt::format("{}: unknown ROI class '{}'; known: {}", place, roi_class,
                                   known.empty() ? "none" : join(nearest_first(roi_class, known))));
    std::vector<std::string> names;
    for (const auto& part : split(roi, '+')) {
        names.push_back(trim(part));
        if (names.back().empty()) throw UsageError(fmt::format("ROI '{}': a name is missing beside '+'", roi), "A+B joins two regions");
        if (std::count(names.begin(), names.end(), names.back()) > 1) throw UsageError(fmt::format("ROI '{}' names {} twice", roi, names.back()));
    }
    const auto found = classes_with(searched, names, place);
    if (found.size() > 1) {
        known.clear();
        for (const RoiClass* c : found) known.push_back(c->name);
        throw UsageError(fmt::format("{}: ROI '{}' exists in the classes {}", place, roi, join(known)),
                         "--roi-class says which");
    }
    Roi out{h.name, found[0]->name, join(names, "+"), columns_of(*found[0], names)};
    if (out.column.empty())
        throw MissingRoi(fmt::format("{}: ROI '{}' of {} is empty: no vertex of {} has this label", place, roi,
                                   out.roi_class, header_.subject));
    return out;
}

}  // namespace cortune::datasets
