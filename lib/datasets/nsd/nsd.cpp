// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/nsd/nsd.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <map>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/folder.hpp"
#include "core/foreign_file.hpp"
#include "datasets/nsd/betas.hpp"
#include "datasets/nsd/experiment.hpp"
#include "datasets/nsd/stimuli.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets::nsd {
namespace {

Tree tree_of(const NsdOptions& options) {
    if (folder_or_nothing(options.root).empty()) throw BadInput(options.root.string() + ": no such folder");
    return {options.root, options.subject, options.space, options.preparation};
}

// Of NSD's eight subjects; 0 for another.
int usual_sessions(int subject) {
    constexpr int sessions[] = {40, 40, 32, 30, 40, 32, 40, 30};
    return subject >= 1 && subject <= 8 ? sessions[subject - 1] : 0;
}

// The sessions to read; those left out between them are a finding.
std::vector<int> choose_sessions(const Tree& tree, const std::vector<int>& wanted, Plan& plan) {
    const auto there = tree.sessions();
    const auto out = wanted.empty() ? there : wanted;
    std::vector<std::string> missing;
    for (const int s : out)
        if (!std::binary_search(there.begin(), there.end(), s)) missing.push_back(std::to_string(s));
    if (!missing.empty())
        throw BadInput(fmt::format("{}: the sessions {} are missing; {} are there, the last is {}", tree.betas().string(), join(missing), there.size(), there.back()),
                       "download them, or name others by --sessions");
    std::vector<std::string> gaps;
    if (wanted.empty())
        for (int s = 1; s < out.back(); ++s)
            if (!std::binary_search(there.begin(), there.end(), s)) gaps.push_back(std::to_string(s));
    const int usual = usual_sessions(tree.subject);
    plan.findings.push_back({"missing_sessions", tree.betas().string(), static_cast<double>(gaps.size()), !gaps.empty(),
                             gaps.empty() ? fmt::format("{} sessions{}", out.size(), usual > 0 ? fmt::format("; NSD distributes {} of this subject", usual) : "") : fmt::format("sessions {} are not there; download them, or name those wanted by --sessions", join(gaps))});
    return out;
}

// Trials (rows, counted over the sessions taken) of every picture, by its id.
std::map<std::int32_t, std::vector<std::uint64_t>> rows_of_pictures(const Tree& tree, const std::vector<int>& sessions) {
    const auto shown = trial_pictures(tree.design(), tree.subject);
    std::map<std::int32_t, std::vector<std::uint64_t>> out;
    std::uint64_t row = 0;
    for (const int session : sessions) {
        const auto first = static_cast<std::size_t>((session - 1) * session_trials);
        if (first + session_trials > shown.size())
            throw BadInput(fmt::format("{}: masterordering has {} trials, session {} needs {}", tree.design().string(), shown.size(), session, first + session_trials));
        for (std::size_t t = first; t < first + session_trials; ++t) out[shown[t]].push_back(row++);
    }
    return out;
}

std::shared_ptr<Sessions> open_sessions(const Tree& tree, const std::string& hemisphere, const std::vector<int>& sessions, const Grid& grid,
                                        const std::vector<std::int32_t>& position, const std::string& name, int threads) {
    std::vector<std::shared_ptr<const SessionFile>> files;
    for (const int s : sessions) files.push_back(open_betas(tree, hemisphere, s, grid, position));
    return std::make_shared<Sessions>(std::move(files), position.size(), name, threads);
}

// A volume's files hold both hemispheres, and are read once; a surface has its own.
std::vector<std::shared_ptr<ResponseRows>> open_rows(const Tree& tree, const std::vector<int>& sessions, const std::array<Grid, 2>& grid,
                                                     const std::vector<std::int32_t>& left, const std::vector<std::int32_t>& right, int threads) {
    if (tree.surface())
        return {rows_of(open_sessions(tree, "lh", sessions, grid[0], left, "lh", threads), {left.size()})[0],
                rows_of(open_sessions(tree, "rh", sessions, grid[1], right, "rh", threads), {right.size()})[0]};
    std::vector<std::int32_t> both = left;
    both.insert(both.end(), right.begin(), right.end());
    return rows_of(open_sessions(tree, "lh", sessions, grid[0], both, "lh and rh", threads), {left.size(), right.size()});
}

void add_ceiling(const NsdOptions& options, const Tree& tree, const Grid& grid, const std::vector<std::int32_t>& repeats, Plan& plan, PlannedHemisphere& h,
                 Reporter& reporter) {
    const bool from_file = options.ceiling.empty() || options.ceiling == "file";
    if (!from_file) return;
    const fs::path path = tree.ncsnr(h.about.name);
    std::error_code error;
    if (options.ceiling.empty() && !fs::exists(fs::symlink_status(path, error))) {
        reporter.warn(fmt::format("{}: is not there, so there is no noise ceiling; --ceiling ncsnr makes one from the repeats", path.string()));
        return;
    }
    h.about.noise_ceiling = ceiling_of_ncsnr(read_ncsnr(tree, h.about, grid, plan.files), repeats);
    h.about.ceiling_mode = "file";
    check_noise_ceiling(h.about.noise_ceiling, path.string());
}

// Along the midline labels drawn on either surface may meet in a voxel; many shared ones are files
// of one hemisphere under two names.
void check_sides(const Tree& tree, Plan& plan) {
    if (tree.surface()) return;
    const auto& left = plan.hemispheres[0].about.vertex;
    const auto& right = plan.hemispheres[1].about.vertex;
    std::vector<std::int32_t> both;
    std::set_intersection(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(both));
    constexpr std::size_t one_in = 20;
    if (both.size() > std::min(left.size(), right.size()) / one_in)
        throw BadInput(fmt::format("{}: {} voxels are in the labels of both hemispheres", tree.labels("lh", "nsdgeneral").parent_path().string(), both.size()),
                       "lh.* and rh.* must be the files of their own hemispheres");
    plan.findings.push_back({"shared_voxels", "", static_cast<double>(both.size()), !both.empty(),
                             fmt::format("{} voxels are in the labels of both hemispheres{}", both.size(), both.empty() ? "" : " and are kept in each")});
}

}  // namespace

std::vector<float> ceiling_of_ncsnr(const std::vector<float>& ncsnr, const std::vector<std::int32_t>& repeats) {
    double noise = 0;
    for (const auto n : repeats) noise += 1.0 / static_cast<double>(n) / static_cast<double>(repeats.size());
    std::vector<float> out;
    for (const float s : ncsnr) {
        const double signal = static_cast<double>(s) * static_cast<double>(s);
        out.push_back(static_cast<float>(signal / (signal + noise)));
    }
    return out;
}

Plan nsd_plan(const NsdOptions& options, Reporter& reporter) {
    const Tree tree = tree_of(options);
    Plan plan;
    plan.header.subject = tree.subject_name();
    plan.header.layout = "nsd";
    plan.header.image_namespace = "nsd";
    const auto sessions = choose_sessions(tree, options.sessions, plan);
    const auto pictures = rows_of_pictures(tree, sessions);
    std::vector<std::int32_t> ids, repeats;
    std::vector<std::vector<std::uint64_t>> presentations;
    for (const auto& [id, rows] : pictures) {
        ids.push_back(id);
        repeats.push_back(static_cast<std::int32_t>(rows.size()));
        presentations.push_back(rows);
    }
    const auto source = open_stimuli(options.stimuli.empty() ? tree.stimuli() : options.stimuli, ids);
    for (std::size_t i = 0; i < ids.size(); ++i) plan.images.push_back({source, i, fmt::format("nsd:{:05}", ids[i]), false, repeats[i]});
    plan.files.push_back(tree.design());
    std::array<Grid, 2> grid;
    for (std::size_t side = 0; side < 2; ++side) {
        const std::string name = side == 0 ? "lh" : "rh";
        grid[side] = side == 1 && !tree.surface() ? grid[0] : read_grid(tree, name, sessions.front());
        plan.hemispheres.emplace_back().about = read_regions(tree, name, grid[side], options.regions, plan.files, reporter);
    }
    check_sides(tree, plan);
    plan.findings.push_back(compare_classes(plan.hemispheres[0].about, plan.hemispheres[1].about));
    const auto rows = open_rows(tree, sessions, grid, plan.hemispheres[0].about.vertex, plan.hemispheres[1].about.vertex, options.threads);
    for (std::size_t side = 0; side < 2; ++side) {
        plan.hemispheres[side].parts.push_back({rows[side], presentations, rows[side]->file_numbers()});
        add_ceiling(options, tree, grid[side], repeats, plan, plan.hemispheres[side], reporter);
    }
    for (const int s : sessions) {
        plan.files.push_back(tree.session("lh", s));
        if (tree.surface()) plan.files.push_back(tree.session("rh", s));
    }
    if (!options.ceiling.empty() && options.ceiling != "file") plan.ceiling = options.ceiling;
    return plan;
}

}  // namespace cortune::datasets::nsd
