// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/nsd/regions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

#include "core/error.hpp"
#include "core/text.hpp"
#include "core/foreign_file.hpp"
#include "formats/mgh.hpp"
#include "formats/nifti.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets::nsd {
namespace {

bool is_there(const fs::path& path) {
    std::error_code error;
    return fs::exists(fs::symlink_status(path, error));
}

// "; that is the size of NSD subject 3"
std::string known_size(const Grid& grid) {
    const int subject = subject_of_size(grid);
    return subject > 0 ? fmt::format("; that is the size of NSD subject {}", subject) : "";
}

std::string mend_of_shape(const Grid& labels, const Grid& betas) {
    if (!std::is_permutation(betas.begin(), betas.end(), labels.begin())) return "labels and betas must be of the same subject and resolution";
    if (subject_of_size(labels) > 0) return "the axes of the betas are permuted: NSD's are trials × Z × Y × X";
    if (subject_of_size(betas) > 0) return "the axes of this file are permuted: NSD's labels are X × Y × Z";
    return "the axes of one of the two are permuted: NSD's betas are trials × Z × Y × X, its labels X × Y × Z";
}

// A value per position of the grid, which `betas` has.
std::vector<float> read_positions(const fs::path& path, bool surface, const Grid& grid, const fs::path& betas) {
    if (surface) {
        const formats::MghFile file(path);
        if (file.vertices() != grid[0] || file.frames() != 1)
            throw BadInput(fmt::format("{}: expected {} vertices, as the betas have, found {} in {} frames", path.string(), grid[0], file.vertices(), file.frames()),
                           "the labels belong to another surface");
        return file.frame(0);
    }
    formats::Volume volume = formats::read_nifti(path);
    if (volume.shape != grid)
        throw BadInput(fmt::format("{}: {} voxels, the betas ({}) have {}{}", path.string(), formats::shape_of(volume.shape), betas.string(), formats::shape_of(grid),
                                   known_size(volume.shape)), mend_of_shape(volume.shape, grid));
    return std::move(volume.value);
}

// "1 V1v" or FreeSurfer's "1 V1v 255 0 0 0" a line.
std::map<int, std::string> read_names(const fs::path& path) {
    require_file(path);
    std::ifstream in(path);
    std::map<int, std::string> out;
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        int value = 0;
        std::string name;
        if (words >> value >> name && value > 0) out[value] = name;
    }
    if (out.empty()) throw BadInput(path.string() + ": names no label", "expected lines like '1 V1v'");
    for (const auto& [value, name] : out)
        if (name.find_first_of("+/") != std::string::npos || value > std::numeric_limits<std::int16_t>::max())
            throw BadInput(fmt::format("{}: label {} '{}' cannot name a ROI", path.string(), value, name));
    return out;
}

struct Labels {
    std::string name;
    fs::path file, names_file;
    std::vector<float> value;          // per position
    std::map<int, std::string> names;  // of the labels above 0
};

Labels read_labels(const Tree& tree, const std::string& hemisphere, const std::string& roi_class, const Grid& grid) {
    Labels out{roi_class, tree.labels(hemisphere, roi_class), tree.label_names(roi_class), {}, {}};
    out.value = read_positions(out.file, tree.surface(), grid, tree.betas());
    if (roi_class == "nsdgeneral") out.names = {{1, "nsdgeneral"}};
    else out.names = read_names(out.names_file);
    for (const float v : out.value)
        if (v >= 1 && !out.names.contains(static_cast<int>(v)))
            throw BadInput(fmt::format("{}: label {} has no name in {}", out.file.string(), v, out.names_file.string()));
    return out;
}

std::vector<std::string> classes_to_read(const Tree& tree, const std::string& hemisphere, const RegionOptions& options, Reporter& reporter) {
    if (!options.classes.empty()) return options.classes;
    std::vector<std::string> out, missing;
    for (const auto& name : usual_classes) (is_there(tree.labels(hemisphere, name)) ? out : missing).push_back(name);
    if (out.empty())
        throw BadInput(fmt::format("{}: none of the ROI classes {} is there", tree.labels(hemisphere, usual_classes[0]).parent_path().string(), join(usual_classes)),
                       "download the ROI labels, or name others by --roi-class");
    if (!missing.empty()) reporter.warn(fmt::format("{}: no labels of {}", hemisphere, join(missing)));
    return out;
}

RoiClass cut(const Labels& labels, const std::vector<std::int32_t>& position) {
    RoiClass out;
    out.name = labels.name;
    for (const auto& [value, name] : labels.names) {
        out.label_value.push_back(static_cast<std::int16_t>(value));
        out.label_name.push_back(name);
    }
    for (const auto p : position) {
        const float v = labels.value[static_cast<std::size_t>(p)];
        out.label.push_back(v >= 1 ? static_cast<std::int16_t>(v) : std::int16_t{0});
    }
    return out;
}

}  // namespace

Hemisphere read_regions(const Tree& tree, const std::string& hemisphere, const Grid& grid, const RegionOptions& options,
                        std::vector<fs::path>& files, Reporter& reporter) {
    const bool general = options.voxels == "nsdgeneral";
    std::vector<Labels> classes;
    for (const auto& name : classes_to_read(tree, hemisphere, options, reporter)) classes.push_back(read_labels(tree, hemisphere, name, grid));
    const bool twice = std::any_of(classes.begin(), classes.end(), [](const Labels& l) { return l.name == "nsdgeneral"; });
    if (!twice && (general || is_there(tree.labels(hemisphere, "nsdgeneral")))) classes.push_back(read_labels(tree, hemisphere, "nsdgeneral", grid));
    Hemisphere out;
    out.name = hemisphere;
    out.space = tree.surface() ? tree.space : tree.space + ' ' + formats::grid_text(grid);
    const auto positions = static_cast<std::size_t>(grid[0] * grid[1] * grid[2]);
    for (std::size_t p = 0; p < positions; ++p)
        if (std::any_of(classes.begin(), classes.end(), [&](const Labels& l) { return (l.name == "nsdgeneral") == general && l.value[p] >= 1; }))
            out.vertex.push_back(static_cast<std::int32_t>(p));
    if (out.vertex.empty()) throw BadInput(fmt::format("{}: no voxel of {} is selected by --voxels {}", tree.labels(hemisphere, "nsdgeneral").parent_path().string(), hemisphere, options.voxels));
    for (const Labels& l : classes) {
        out.roi_classes.push_back(cut(l, out.vertex));
        for (const fs::path& file : {l.file, l.names_file})
            if ((file != l.names_file || l.name != "nsdgeneral") && std::find(files.begin(), files.end(), file) == files.end()) files.push_back(file);
    }
    return out;
}

std::vector<float> read_ncsnr(const Tree& tree, const Hemisphere& hemisphere, const Grid& grid, std::vector<fs::path>& files) {
    const fs::path path = tree.ncsnr(hemisphere.name);
    const auto all = read_positions(path, tree.surface(), grid, tree.betas());
    if (std::any_of(all.begin(), all.end(), [](float v) { return v < 0; })) throw BadInput(path.string() + ": holds negative values", "an ncsnr is a ratio of two deviations; is it another file?");
    if (std::find(files.begin(), files.end(), path) == files.end()) files.push_back(path);
    std::vector<float> out;
    for (const auto p : hemisphere.vertex) out.push_back(all[static_cast<std::size_t>(p)]);
    return out;
}

}  // namespace cortune::datasets::nsd
