// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/nsd/nsd.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/folder.hpp"
#include "datasets/foreign.hpp"
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
    plan.findings.push_back({"missing_sessions", tree.betas().string(), static_cast<double>(gaps.size()), !gaps.empty(),
                             gaps.empty() ? fmt::format("{} sessions", out.size()) : fmt::format("sessions {} are not there", join(gaps))});
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

std::shared_ptr<SessionRows> open_rows(const Tree& tree, const Hemisphere& hemisphere, const std::vector<int>& sessions, const Grid& grid, int threads) {
    std::vector<std::shared_ptr<const SessionFile>> files;
    for (const int s : sessions) files.push_back(open_betas(tree, hemisphere.name, s, grid, hemisphere.vertex));
    return std::make_shared<SessionRows>(std::move(files), hemisphere.vertex.size(), hemisphere.name, threads);
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

// A voxel of both hemispheres would be counted twice, and be of neither.
void check_sides(const Tree& tree, const Plan& plan) {
    if (tree.surface()) return;
    const auto& left = plan.hemispheres[0].about.vertex;
    const auto& right = plan.hemispheres[1].about.vertex;
    std::vector<std::int32_t> both;
    std::set_intersection(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(both));
    if (!both.empty())
        throw BadInput(fmt::format("{}: {} voxels are in the labels of both hemispheres", tree.labels("lh", "nsdgeneral").parent_path().string(), both.size()),
                       "lh.* and rh.* must be the files of their own hemispheres");
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
    for (const std::string name : {"lh", "rh"}) {
        const Grid grid = read_grid(tree, name, sessions.front());
        PlannedHemisphere h;
        h.about = read_regions(tree, name, grid, options.regions, plan.files, reporter);
        h.parts.push_back({open_rows(tree, h.about, sessions, grid, options.threads), presentations});
        add_ceiling(options, tree, grid, repeats, plan, h, reporter);
        plan.hemispheres.push_back(std::move(h));
    }
    check_sides(tree, plan);
    for (const int s : sessions) {
        plan.files.push_back(tree.session("lh", s));
        if (tree.surface()) plan.files.push_back(tree.session("rh", s));
    }
    if (!options.ceiling.empty() && options.ceiling != "file") plan.ceiling = options.ceiling;
    return plan;
}

}  // namespace cortune::datasets::nsd
