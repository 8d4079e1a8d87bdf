// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/nod/nod.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.hpp"
#include "core/system.hpp"
#include "core/text.hpp"
#include "core/foreign_file.hpp"
#include "datasets/nod/atlas.hpp"
#include "datasets/nod/betas.hpp"
#include "formats/cifti.hpp"
#include "datasets/nod/tree.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets::nod {
namespace {

// Pictures by name below one folder.
class Stimuli : public images::Source {
  public:
    Stimuli(const fs::path& folder, std::vector<std::string> names) : Source(folder) {
        names_ = std::move(names);
        for (std::size_t i = 0; i < names_.size(); ++i) require_file(path_ / names_[i]);
    }
    std::string where(std::size_t i) const override { return (path_ / names_.at(i)).string(); }
    std::vector<std::uint8_t> read(std::size_t i) const override { return images::read_picture_file(path_ / names_.at(i)); }
    std::uint64_t bytes(std::size_t i) const override { return file_bytes(path_ / names_.at(i)); }
};

// R² per brainordinate of the betas' file in one hemisphere; NaN: unknown.
std::vector<float> prf_fit(const Tree& tree, const formats::CiftiFile& like, const std::string& hemisphere) {
    constexpr std::int64_t fit = 3;  // rows: angle, eccentricity, size, R²
    const formats::CiftiFile file(tree.prf());
    if (file.maps() != fit + 1) throw BadInput(fmt::format("{}: expected the maps angle, eccentricity, size and R², found {}", tree.prf().string(), file.maps()));
    const formats::CortexModel& here = file.cortex(hemisphere);
    std::map<std::int32_t, std::int64_t> at;
    for (std::size_t i = 0; i < here.vertex.size(); ++i) at[here.vertex[i]] = here.offset + static_cast<std::int64_t>(i);
    std::vector<float> out, all(static_cast<std::size_t>(file.maps()));
    for (const auto v : like.cortex(hemisphere).vertex) {
        out.push_back(std::numeric_limits<float>::quiet_NaN());
        if (const auto found = at.find(v); found != at.end()) {
            file.read(found->second, all.data());
            out.back() = all[fit];
        }
    }
    return out;
}

// Regions' numbers (from 1) that were asked for.
std::vector<int> wanted_regions(const Atlas& atlas, const std::vector<std::string>& names) {
    std::vector<int> out;
    for (const auto& name : names) {
        const auto found = std::find(atlas.name.begin(), atlas.name.end(), name);
        if (found == atlas.name.end())
            throw BadInput(fmt::format("{}: no region '{}'", atlas.names_file.string(), name), "known, nearest first: " + join(nearest_first(name, atlas.name)));
        out.push_back(static_cast<int>(found - atlas.name.begin()) + 1);
    }
    if (names.empty())
        for (int r = 1; r <= regions; ++r) out.push_back(r);
    return out;
}

// How --prf-best chose.
struct Chosen {
    std::size_t without = 0;         // vertices of the regions that have no R²
    std::vector<std::string> less;   // regions with fewer vertices than asked for, for want of R²
    float lowest = std::numeric_limits<float>::infinity();  // R² that was taken
};

// Places in the hemisphere's cortex that are taken, ascending.
std::vector<std::size_t> choose(const Atlas& atlas, const formats::CortexModel& cortex, const std::vector<int>& wanted, int best, const std::vector<float>& fit,
                                Chosen& chosen) {
    std::vector<std::size_t> out;
    for (const int region : wanted) {
        std::vector<std::size_t> inside;
        for (std::size_t i = 0; i < cortex.vertex.size(); ++i)
            if (atlas.region(cortex.rank + static_cast<std::int64_t>(i)) == region) inside.push_back(i);
        if (best > 0) {
            const auto all = std::min(inside.size(), static_cast<std::size_t>(best));
            chosen.without += std::erase_if(inside, [&](std::size_t i) { return !std::isfinite(fit[i]); });
            // Of equals the first.
            std::stable_sort(inside.begin(), inside.end(), [&](std::size_t a, std::size_t b) { return fit[a] > fit[b]; });
            inside.resize(std::min(inside.size(), all));
            if (inside.size() < all) chosen.less.push_back(fmt::format("{} {}", atlas.name[static_cast<std::size_t>(region - 1)], inside.size()));
            if (!inside.empty()) chosen.lowest = std::min(chosen.lowest, fit[inside.back()]);
        }
        out.insert(out.end(), inside.begin(), inside.end());
    }
    std::sort(out.begin(), out.end());
    return out;
}

// One hemisphere without its rows; the brainordinates of its columns are appended to `at`.
Hemisphere choose_vertices(const std::string& name, const NodOptions& options, const Tree& tree, const Atlas& atlas, const formats::CiftiFile& first,
                           std::vector<std::int64_t>& at, std::vector<Finding>& findings) {
    const formats::CortexModel& cortex = first.cortex(name);
    const auto wanted = wanted_regions(atlas, options.regions);
    Chosen chosen;
    const auto taken = choose(atlas, cortex, wanted, options.prf_best, options.prf_best > 0 ? prf_fit(tree, first, name) : std::vector<float>{}, chosen);
    if (taken.empty() && chosen.without > 0)
        throw BadInput(fmt::format("{}: none of the {} vertices of {} has an R²", tree.prf().string(), chosen.without, name), "extract without --prf-best");
    if (taken.empty()) throw BadInput(fmt::format("{}: no vertex of {} is in a region that was asked for", atlas.labels_file.string(), name));
    if (options.prf_best > 0)
        findings.push_back({"prf_fit", name, static_cast<double>(chosen.less.size()), !chosen.less.empty(),
                            fmt::format("lowest R² taken {:.3g}; {} vertices of the regions have none{}", chosen.lowest, chosen.without,
                                        chosen.less.empty() ? "" : "; fewer taken than asked for: " + join(chosen.less))});
    Hemisphere out;
    out.name = name;
    out.space = "fsLR32k";
    RoiClass glasser{"glasser", {}, {}, {}};
    for (const int r : wanted) {
        glasser.label_value.push_back(static_cast<std::int16_t>(r));
        glasser.label_name.push_back(atlas.name[static_cast<std::size_t>(r - 1)]);
    }
    for (const std::size_t i : taken) {
        at.push_back(cortex.offset + static_cast<std::int64_t>(i));
        out.vertex.push_back(cortex.vertex[i]);
        glasser.label.push_back(static_cast<std::int16_t>(atlas.region(cortex.rank + static_cast<std::int64_t>(i))));
    }
    out.roi_classes.push_back(std::move(glasser));
    return out;
}

// A session of NOD has ten runs. One that has fewer than another, or none where a later one is
// there, was not downloaded whole.
void look_for_gaps(const std::vector<Run>& runs, bool all, Plan& plan) {
    std::map<int, std::size_t> of_session;
    for (const Run& run : runs) ++of_session[run.session];
    std::size_t most = 0, missing = 0;
    for (const auto& [session, count] : of_session) most = std::max(most, count);
    std::vector<std::string> short_of;
    for (const auto& [session, count] : of_session)
        if (count < most) short_of.push_back(fmt::format("session {} has {} runs", session, count)), missing += most - count;
    for (int s = 1; all && s < of_session.rbegin()->first; ++s)
        if (!of_session.contains(s)) short_of.push_back(fmt::format("session {} is not there", s)), missing += most;
    plan.findings.push_back({"missing_runs", "", static_cast<double>(missing), missing > 0,
                             missing == 0 ? fmt::format("{} runs in {} sessions, {} in each; NOD has 10", runs.size(), of_session.size(), most)
                                          : fmt::format("{}; others have {}, a session of NOD 10", join(short_of), most)});
}

}  // namespace

Plan nod_plan(const NodOptions& options, Reporter& reporter) {
    const Tree tree{options.root, options.subject};
    const auto runs = tree.runs(options.sessions);
    const Atlas atlas = read_atlas(options.atlas, options.atlas_names);
    const formats::CiftiFile first(runs.front().betas);
    const auto cortex = static_cast<std::size_t>(first.cortex("lh").vertex.size() + first.cortex("rh").vertex.size());
    if (atlas.label.size() != cortex)
        throw BadInput(fmt::format("{}: {} labels, {} has {} brainordinates of cortex", atlas.labels_file.string(), atlas.label.size(), first.path().string(), cortex));
    Plan plan;
    plan.header.subject = tree.subject_name();
    plan.header.layout = "nod";
    plan.header.image_namespace = "imagenet";
    plan.ceiling = options.ceiling;
    std::map<std::string, std::vector<std::uint64_t>> rows;  // of every picture
    std::uint64_t row = 0;
    for (const Run& run : runs)
        for (const auto& name : run.picture) rows[name].push_back(row++);
    std::vector<std::string> names;
    std::vector<std::vector<std::uint64_t>> presentations;
    for (const auto& [name, shown] : rows) {
        names.push_back(name);
        presentations.push_back(shown);
    }
    look_for_gaps(runs, options.sessions.empty(), plan);
    const auto source = std::make_shared<const Stimuli>(tree.stimuli(), names);
    for (std::size_t i = 0; i < names.size(); ++i)
        plan.images.push_back({source, i, "imagenet:" + fs::path(names[i]).stem().string(), false, static_cast<std::int32_t>(presentations[i].size())});
    std::vector<std::int64_t> at;
    std::vector<std::uint64_t> units;
    for (const std::string h : {"lh", "rh"}) {
        plan.hemispheres.emplace_back().about = choose_vertices(h, options, tree, atlas, first, at, plan.findings);
        units.push_back(plan.hemispheres.back().about.vertex.size());
    }
    std::vector<std::shared_ptr<const SessionFile>> files;
    for (const Run& run : runs) files.push_back(open_betas(run, first, at));
    const auto parts = rows_of(std::make_shared<Sessions>(std::move(files), at.size(), "lh and rh", options.threads), units);
    for (std::size_t side = 0; side < 2; ++side) plan.hemispheres[side].parts.push_back({parts[side], presentations, parts[side]->file_numbers()});
    constexpr int usual_least = 20;
    if (options.prf_best > 0 && options.prf_best < usual_least)
        reporter.warn(fmt::format("ridge-encode and cl-finetune leave out regions of fewer than {} vertices: give them --min-voxels {}", usual_least, options.prf_best));
    reporter.info(fmt::format("{}: {} runs, {} trials, {} pictures", tree.subject_name(), runs.size(), row, names.size()));
    plan.files = {atlas.labels_file, atlas.names_file};
    if (options.prf_best > 0) plan.files.push_back(tree.prf());
    for (const Run& run : runs) plan.files.insert(plan.files.end(), {run.events, run.betas});
    return plan;
}

}  // namespace cortune::datasets::nod
