// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/nod/tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/folder.hpp"
#include "core/foreign_file.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets::nod {
namespace {

constexpr int usual_sessions = 4, most_runs = 99;

// The column stim_file of a tab-separated table.
std::vector<std::string> read_pictures(const fs::path& path) {
    require_file(path);
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    const auto names = split(trim(line), '\t');
    const auto column = static_cast<std::size_t>(std::find(names.begin(), names.end(), "stim_file") - names.begin());
    if (column == names.size()) throw BadInput(fmt::format("{}: no column stim_file, found {}", path.string(), join(names)), "take the events.tsv as NOD distributes it");
    std::vector<std::string> out;
    while (std::getline(in, line)) {
        if (trim(line).empty()) continue;
        const auto cells = split(line, '\t');
        const std::string name = column < cells.size() ? trim(cells[column]) : "";
        if (name.empty() || name == "n/a" || fs::path(name).is_absolute() || name.find("..") != std::string::npos)
            throw BadInput(fmt::format("{}: row {}: '{}' names no picture", path.string(), out.size() + 2, name));
        out.push_back(name);
    }
    return out;
}

}  // namespace

std::string Tree::subject_name() const { return fmt::format("sub-{:02}", subject); }

fs::path Tree::betas(int session, int run) const {
    // The run's number has no leading zero here, and one in the raw events.
    const std::string name = fmt::format("ses-imagenet{:02}_task-imagenet_run-{}", session, run);
    return root / "derivatives" / "ciftify" / subject_name() / "results" / name / (name + "_beta.dscalar.nii");
}

fs::path Tree::events(int session, int run) const {
    const std::string name = fmt::format("ses-imagenet{:02}", session);
    return root / subject_name() / name / "func" / fmt::format("{}_{}_task-imagenet_run-{:02}_events.tsv", subject_name(), name, run);
}

fs::path Tree::prf() const {
    return root / "derivatives" / "ciftify" / subject_name() / "results" / "ses-prf_task-prf" / "ses-prf_task-prf_params.dscalar.nii";
}

std::vector<Run> Tree::runs(const std::vector<int>& sessions) const {
    if (folder_or_nothing(root / subject_name()).empty())
        throw BadInput((root / subject_name()).string() + ": no such folder", "give the folder of ds004496, and a subject that is there");
    std::vector<Run> out;
    std::error_code error;
    const auto there = [&](const fs::path& path) { return fs::exists(fs::symlink_status(path, error)); };
    auto wanted = sessions;
    const auto last_run = [&](int s) {
        int last = 0;
        for (int r = 1; r <= most_runs; ++r)
            if (there(events(s, r)) || there(betas(s, r))) last = r;
        return last;
    };
    if (wanted.empty())
        for (int s = 1; s <= usual_sessions; ++s)
            if (there(events(s, 1).parent_path()) || last_run(s) > 0) wanted.push_back(s);
    for (const int s : wanted) {
        const std::size_t before = out.size();
        for (int r = 1, last = last_run(s); r <= last; ++r) out.push_back({s, r, events(s, r), betas(s, r), read_pictures(events(s, r))});
        if (out.size() == before) throw BadInput(fmt::format("{}: session {} has no events", (root / subject_name()).string(), s), "download it, or name others by --sessions");
    }
    if (out.empty()) throw BadInput((root / subject_name()).string() + ": no session of the ImageNet task", "download ses-imagenet01 and its betas");
    return out;
}

}  // namespace cortune::datasets::nod
