// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/nsd/tree.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "datasets/folder.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets::nsd {

std::string Tree::subject_name() const { return fmt::format("subj{:02}", subject); }

fs::path Tree::betas() const { return root / "nsddata_betas" / "ppdata" / subject_name() / space / preparation; }

fs::path Tree::design() const { return root / "nsddata" / "experiments" / "nsd" / "nsd_expdesign.mat"; }

fs::path Tree::stimuli() const { return root / "nsddata_stimuli" / "stimuli" / "nsd" / "nsd_stimuli.hdf5"; }

fs::path Tree::session(const std::string& hemisphere, int number) const {
    return betas() / (surface() ? fmt::format("{}.betas_session{:02}.mgh", hemisphere, number) : fmt::format("betas_session{:02}.hdf5", number));
}

fs::path Tree::labels(const std::string& hemisphere, const std::string& roi_class) const {
    if (surface()) return root / "nsddata" / "freesurfer" / "fsaverage" / "label" / fmt::format("{}.{}.mgz", hemisphere, roi_class);
    return root / "nsddata" / "ppdata" / subject_name() / space / "roi" / fmt::format("{}.{}.nii.gz", hemisphere, roi_class);
}

fs::path Tree::label_names(const std::string& roi_class) const {
    return root / "nsddata" / "freesurfer" / (surface() ? "fsaverage" : subject_name()) / "label" / (roi_class + ".mgz.ctab");
}

fs::path Tree::ncsnr(const std::string& hemisphere) const { return betas() / (surface() ? hemisphere + ".ncsnr.mgh" : "ncsnr.nii.gz"); }

std::vector<int> Tree::sessions() const {
    if (folder_or_nothing(betas()).empty())
        throw BadInput(betas().string() + ": no such folder",
                       fmt::format("give the folder that holds nsddata_betas, and a subject that is there; --space names another form of the betas"));
    const std::string prefix = surface() ? "?h.betas_session" : "betas_session", ending = surface() ? ".mgh" : ".hdf5";
    std::vector<int> out;
    for (const fs::path& entry : entries_of(betas())) {
        const std::string name = entry.filename().string();
        const std::string side = surface() ? name.substr(0, 2) : "lh";
        if (side != "lh" && side != "rh") continue;
        const std::string_view own = prefix;
        if (surface() ? name.substr(std::min<std::size_t>(1, name.size())).rfind(own.substr(1), 0) != 0 : !name.starts_with(own)) continue;
        if (!name.ends_with(ending) || name.size() <= prefix.size() + ending.size()) continue;
        const std::string digits = name.substr(prefix.size(), name.size() - prefix.size() - ending.size());
        if (digits.size() > 4 || digits.find_first_not_of("0123456789") != std::string::npos) continue;
        // The name that this session has, and no other spelling of its number.
        const int number = std::stoi(digits);
        if (number >= 1 && session(side, number).filename() == name) out.push_back(number);
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());  // a surface has a file a side
    if (out.empty()) throw BadInput(fmt::format("{}: holds no {}NN{}", betas().string(), prefix, ending), "download the betas of this subject");
    return out;
}

}  // namespace cortune::datasets::nsd
