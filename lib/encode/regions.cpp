// SPDX-License-Identifier: BSD-3-Clause
#include "encode/regions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.hpp"
#include "core/text.hpp"

namespace cortune::encode {

Regions::Regions(const std::filesystem::path& file) {
    std::ifstream in(file);
    if (!in) throw BadInput(file.string() + ": cannot be read", "set CORTUNE_SHARE to the folder share/cortune");
    try {
        const auto json = nlohmann::json::parse(in);
        for (const auto& [group, classes] : json.at("groups").items())
            for (const auto& [roi_class, rois] : classes.items())
                for (const auto& roi : rois) group_[{roi_class, roi.get<std::string>()}] = group;
        for (const auto& entry : json.at("correspondence"))
            same_[{entry.at("class").get<std::string>(), entry.at("roi").get<std::string>()}].push_back(
                {entry.at("to_class").get<std::string>(), entry.at("to_roi").get<std::string>()});
    } catch (const nlohmann::json::exception& e) {
        throw BadInput(fmt::format("{}: {}", file.string(), e.what()));
    }
}

std::string Regions::group(const Region& region) const {
    std::set<std::string> found;
    for (const auto& part : split(region.roi, '+')) {
        const auto at = group_.find({region.roi_class, trim(part)});
        found.insert(at == group_.end() ? "" : at->second);
    }
    return found.size() == 1 ? *found.begin() : "";
}

std::vector<Region> Regions::among(const Region& region, const std::vector<std::string>& classes) const {
    const auto has = [&](const std::string& name) { return std::find(classes.begin(), classes.end(), name) != classes.end(); };
    if (has(region.roi_class) || region.roi_class == "all") return {region};
    std::map<std::string, std::vector<std::string>> names;  // by class, of every part
    const auto parts = split(region.roi, '+');
    for (const auto& part : parts) {
        const auto at = same_.find({region.roi_class, trim(part)});
        if (at == same_.end()) return {};
        for (const auto& other : at->second)
            if (has(other.roi_class)) names[other.roi_class].push_back(other.roi);
    }
    std::vector<Region> out;
    for (auto& [roi_class, rois] : names) {
        if (rois.size() != parts.size()) continue;
        std::vector<std::string> once;  // V1v+V1d is V1
        for (const auto& roi : rois)
            if (std::find(once.begin(), once.end(), roi) == once.end()) once.push_back(roi);
        out.push_back({roi_class, join(once, "+")});
    }
    return out;
}

}  // namespace cortune::encode
