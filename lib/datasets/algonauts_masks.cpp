// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/algonauts.hpp"
#include "datasets/folder.hpp"
#include "datasets/mapping.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets {
namespace {

constexpr std::uint64_t fsaverage_vertices = 163842;
constexpr const char* ending = "_challenge_space.npy";

std::vector<std::int64_t> read_mask(const fs::path& path, std::uint64_t length, const std::string& why) {
    const NpyFile file(path);
    if (file.shape() != std::vector<std::uint64_t>{length})
        throw BadInput(fmt::format("{}: expected ({},), {}; found {}", path.string(), length, why,
                                   shape_text(file.shape())), "masks and responses must be of the same subject and hemisphere");
    return file.integers();
}

// Column i is the i-th vertex of fsaverage that is marked.
void read_vertices(const fs::path& path, Hemisphere& h, std::uint64_t vertices) {
    const auto marks = read_mask(path, fsaverage_vertices, "the vertices of fsaverage");
    for (std::size_t i = 0; i < marks.size(); ++i)
        if (marks[i] != 0) h.vertex.push_back(static_cast<std::int32_t>(i));
    if (h.vertex.size() != vertices)
        throw BadInput(fmt::format("{}: expected {} marked vertices, as the responses have columns, found {}",
                                   path.string(), vertices, h.vertex.size()), "masks and responses must be of the same subject and hemisphere");
    h.space = "fsaverage";
}

RoiClass read_class(const fs::path& mask, const fs::path& mapping, const std::string& name,
                    std::uint64_t vertices) {
    RoiClass out;
    out.name = name;
    const auto names = read_mapping_npy(mapping);
    for (const auto& [value, label] : names) {
        if (value == 0) continue;  // "Unknown"
        if (value < 0 || value > std::numeric_limits<std::int16_t>::max() || label.empty() ||
            label.find_first_of("+/") != std::string::npos)
            throw BadInput(fmt::format("{}: label {} '{}' cannot name a ROI", mapping.string(), value, label));
        const auto twin = std::find(out.label_name.begin(), out.label_name.end(), label) - out.label_name.begin();
        if (const auto i = static_cast<std::size_t>(twin); i < out.label_name.size())
            throw BadInput(fmt::format("{}: labels {} and {} are both named '{}'", mapping.string(), out.label_value[i],
                                       value, label),
                           "blanks at the ends of a name do not count; rename one of the two");
        out.label_value.push_back(static_cast<std::int16_t>(value));
        out.label_name.push_back(label);
    }
    for (std::int64_t label : read_mask(mask, vertices, "one label per column of the responses")) {
        if (label != 0 && !names.count(label))
            throw BadInput(fmt::format("{}: label {} has no name in {}", mask.string(), label,
                                       mapping.filename().string()));
        out.label.push_back(static_cast<std::int16_t>(label));
    }
    return out;
}

// Classes for which the hemisphere has a mask: the challenge's in its order, then others.
std::vector<std::string> classes_in(const fs::path& folder, const std::string& hemisphere) {
    static const std::vector<std::string> usual{"prf-visualrois", "floc-bodies", "floc-faces",
                                                "floc-places",    "floc-words",  "streams"};
    std::set<std::string> found;
    for (const fs::path& entry : entries_of(folder)) {
        std::string name = entry.filename().string();
        if (!name.starts_with(hemisphere + '.') || !name.ends_with(ending)) continue;
        name.resize(name.size() - std::string_view(ending).size());
        found.insert(name.substr(hemisphere.size() + 1));
    }
    std::vector<std::string> out;
    for (const auto& name : usual)
        if (found.erase(name)) out.push_back(name);
    out.insert(out.end(), found.begin(), found.end());
    return out;
}

}  // namespace

Hemisphere read_algonauts_masks(const fs::path& folder, const std::string& name, std::uint64_t vertices,
                                std::vector<fs::path>& files) {
    Hemisphere out;
    out.name = name;
    const fs::path all = folder / (name + ".all-vertices_fsaverage_space.npy");
    read_vertices(all, out, vertices);
    files.push_back(all);
    for (const std::string& c : classes_in(folder, name)) {
        const fs::path mask = folder / (name + '.' + c + ending);
        const fs::path mapping = folder / ("mapping_" + c + ".npy");
        out.roi_classes.push_back(read_class(mask, mapping, c, vertices));
        for (const fs::path& file : {mask, mapping})
            if (std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
    }
    return out;
}

}  // namespace cortune::datasets
