// SPDX-License-Identifier: BSD-3-Clause
#include "surface/vertex_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/error.hpp"
#include "core/text.hpp"

namespace cortune::surface {
namespace {

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();

VertexMap blank(const Choice& choice, const Place& place) {
    VertexMap out{choice.hemisphere, "", choice.quantity, {}, 0, false, 0};
    out.value.assign(static_cast<std::size_t>(place.positions), unknown);
    return out;
}

Place::Kind kind_of(const std::string& space, const std::string& where) {
    if (space == "fsaverage") return Place::fsaverage;
    if (space == "fsLR32k") return Place::fslr;
    if (space.starts_with("func")) return Place::volume;
    throw BadInput(fmt::format("{}: its columns are of the space '{}', of which no place is known", where, space),
                   "extract from data whose vertices are known (Algonauts: all-vertices_fsaverage_space.npy)");
}

// All values of a map are of one space.
void enter_space(VertexMap& map, const Place& place, const std::string& space, const std::string& where) {
    static constexpr const char* mend[] = {"fsaverage goes into .func.gii or .mgh", "fsLR 32k goes into .dscalar.nii", "a volume goes into .nii or .nii.gz"};
    if (const auto kind = kind_of(space, where); kind != place.kind)
        throw BadInput(fmt::format("{}: its columns are of the space '{}', which such a file cannot hold", where, space), mend[kind]);
    if (place.kind == Place::volume && !space.ends_with(' ' + place.grid))
        throw BadInput(fmt::format("{}: its voxels are those of '{}', --reference has {}", where, space, place.grid), "take a volume of the same subject and space");
    if (!map.space.empty() && map.space != space) throw BadInput(fmt::format("{}: of the space '{}', others are of '{}'", where, space, map.space));
    map.space = space;
}

void enter(VertexMap& map, const std::vector<std::int32_t>& vertex, const std::vector<float>& values, const std::string& where) {
    if (values.size() != vertex.size())
        throw BadInput(fmt::format("{}: {} values for {} vertices", where, values.size(), vertex.size()));
    for (std::size_t i = 0; i < vertex.size(); ++i) {
        if (vertex[i] < 0 || static_cast<std::size_t>(vertex[i]) >= map.value.size())
            throw BadInput(fmt::format("{}: {} is none of the {} positions of {}", where, vertex[i], map.value.size(), map.space),
                           "is --reference of another subject?");
        float& at = map.value[static_cast<std::size_t>(vertex[i])];
        if (std::isnan(at)) at = values[i];
        else if (!std::isnan(values[i]) && at != values[i]) ++map.disagreeing;
    }
}

// Place of a name along an axis.
std::size_t along(const std::vector<std::string>& names, const std::string& wanted, const char* option, const std::string& where) {
    const auto found = std::find(names.begin(), names.end(), wanted);
    if (found == names.end())
        throw BadInput(fmt::format("{}: no {} '{}'", where, option, wanted), "known: " + join(nearest_first(wanted, names)));
    return static_cast<std::size_t>(found - names.begin());
}

// Paths of the groups below results/ that belong to the choice.
void collect(const h5::Node& node, const std::string& path, const Choice& choice, std::vector<std::string>& out, int depth = 0) {
    if (node.has("voxel")) {
        const auto fits = [&](const char* attribute, const std::string& wanted) {
            return wanted.empty() || !node.has_attr(attribute) || node.attr_string(attribute) == wanted;
        };
        if (fits("hemisphere", choice.hemisphere) && fits("subject", choice.subject) && fits("roi_class", choice.roi_class) &&
            fits("roi", choice.roi))
            out.push_back(path);
        return;
    }
    constexpr int deepest = 6;  // subject, hemisphere, class, ROI, and to spare
    if (depth < deepest)
        for (const auto& name : node.children())
            if (node.is_group(name)) collect(node.group(name), path + '/' + name, choice, out, depth + 1);
}

std::vector<float> row_of(const h5::Node& roi, const h5::Node& root, const Choice& choice) {
    const h5::Dataset d = roi.dataset(choice.quantity);
    const auto dims = d.dims();
    if (dims.size() == 1 && dims[0] == "voxel") return d.read<float>();
    if (dims.size() != 2 || dims[1] != "voxel" || (dims[0] != "model" && dims[0] != "layer"))
        throw BadInput(fmt::format("{}: expected axes (voxel), (model, voxel) or (layer, voxel), found ({})", d.where(), join(dims)));
    const auto names = root.dataset(dims[0]).read_strings();
    if (names.empty() || d.shape()[0] != names.size())
        throw BadInput(fmt::format("{}: {} rows for {} names of {}", d.where(), d.shape()[0], names.size(), dims[0]));
    std::size_t row = names.size() - 1;
    if (dims[0] == "layer") row = along(names, choice.layer.empty() ? roi.attr_string("chosen_layer") : choice.layer, "layer", d.where());
    else if (!choice.model.empty()) row = along(names, choice.model, "model", d.where());
    std::vector<float> out(d.shape()[1]);
    d.read_rows<float>(row, 1, out.data());
    return out;
}

void one_subject(const std::vector<h5::Node>& rois, const std::string& where) {
    std::set<std::string> subjects;
    for (const auto& roi : rois)
        if (roi.has_attr("subject")) subjects.insert(roi.attr_string("subject"));
    if (subjects.size() > 1)
        throw UsageError(fmt::format("{}: holds several subjects ({})", where, join({subjects.begin(), subjects.end()})), "choose one by --subject");
}

VertexMap from_results(const h5::Input& file, const Choice& choice, const Place& place) {
    const bool encoding = file.kind() == "encoding";
    if (encoding && !choice.model.empty()) throw UsageError("--model is of evaluations; an encoding is of one model");
    if (!encoding && !choice.layer.empty()) throw UsageError("--layer is of encodings");
    if (encoding && !choice.subject.empty() && file.root().attr_string("subject") != choice.subject)
        throw BadInput(fmt::format("{}: is of subject {}", file.path().string(), file.root().attr_string("subject")));
    VertexMap out = blank(choice, place);
    out.optimistic = file.root().attr_int("optimistic") != 0;
    if (out.optimistic) out.name += " (optimistic)";
    std::vector<std::string> paths;
    collect(file.root().group("results"), "results", choice, paths);
    if (paths.empty())
        throw NothingThere(fmt::format("{}: nothing of hemisphere {}{}{}{}", file.path().string(), choice.hemisphere,
                                   choice.subject.empty() ? "" : ", subject " + choice.subject, choice.roi_class.empty() ? "" : ", class " + choice.roi_class,
                                   choice.roi.empty() ? "" : ", ROI " + choice.roi), "cortune-info lists what it has");
    std::vector<h5::Node> rois;
    for (const auto& path : paths) rois.push_back(file.root().group(path));
    one_subject(rois, file.path().string());
    for (const auto& roi : rois) {
        if (!roi.has(choice.quantity)) {
            std::vector<std::string> known;
            for (const auto& name : roi.children())
                if (!roi.is_group(name) && name != "voxel" && name != "vertex") known.push_back(name);
            throw BadInput(fmt::format("{}: no quantity '{}'", roi.where(), choice.quantity), "known: " + join(nearest_first(choice.quantity, known)));
        }
        enter_space(out, place, roi.has_attr("space") ? roi.attr_string("space") : "index", roi.where());
        enter(out, roi.dataset("vertex").read<std::int32_t>(), row_of(roi, file.root(), choice), roi.where());
    }
    return out;
}

VertexMap from_dataset(const h5::Input& file, const Choice& choice, const Place& place) {
    if (!choice.roi.empty() || !choice.model.empty() || !choice.layer.empty())
        throw UsageError("--roi, --model and --layer do not apply to a data set");
    if (!choice.subject.empty() && file.root().attr_string("subject") != choice.subject)
        throw BadInput(fmt::format("{}: is of subject {}", file.path().string(), file.root().attr_string("subject")));
    VertexMap out = blank(choice, place);
    const h5::Node& root = file.root();
    const std::string& h = choice.hemisphere;
    const h5::Dataset vertex = root.dataset("vertex_" + h);
    enter_space(out, place, vertex.attr_string("space"), vertex.where());
    std::string name = choice.quantity + '_' + h;
    if (choice.quantity == "roi") {
        if (choice.roi_class.empty()) throw UsageError("the labels of a data set are one per class", "choose it by --roi-class");
        name += '_' + lower_snake(choice.roi_class);
    } else if (choice.quantity != "noise_ceiling") {
        throw BadInput(fmt::format("{}: no quantity '{}'", file.path().string(), choice.quantity), "known: noise_ceiling, roi");
    }
    if (!root.has(name)) {
        std::vector<std::string> known;
        const std::string prefix = choice.quantity + '_' + h + '_';
        for (const auto& child : root.children())
            if (child.starts_with(prefix)) known.push_back(root.dataset(child).attr_string("roi_class"));
        if (choice.quantity == "roi") throw BadInput(fmt::format("{}: no ROI class '{}' of {}", file.path().string(), choice.roi_class, h), "known: " + join(nearest_first(choice.roi_class, known)));
        throw BadInput(fmt::format("{}: {} has no noise ceiling", file.path().string(), h), "nsd-extract --ceiling makes one from repeats (layouts nsd, nod and table)");
    }
    enter(out, vertex.read<std::int32_t>(), root.dataset(name).read<float>(), file.path().string());
    return out;
}

}  // namespace

VertexMap read_vertex_map(const h5::Input& file, const Choice& choice, const Place& place) {
    if (choice.hemisphere != "lh" && choice.hemisphere != "rh")
        throw UsageError(fmt::format("--hemi {}: a surface is of lh or rh", choice.hemisphere));
    VertexMap out = file.kind() == "dataset" ? from_dataset(file, choice, place) : from_results(file, choice, place);
    out.known = std::count_if(out.value.begin(), out.value.end(), [](float v) { return std::isfinite(v); });
    return out;
}

VertexMap merge(VertexMap first, const VertexMap& second) {
    for (std::size_t i = 0; i < first.value.size(); ++i)
        if (std::isnan(first.value[i])) first.value[i] = second.value[i];
    first.known = std::count_if(first.value.begin(), first.value.end(), [](float v) { return std::isfinite(v); });
    first.disagreeing += second.disagreeing;
    return first;
}

}  // namespace cortune::surface
