// SPDX-License-Identifier: BSD-3-Clause
// The raw NSD as it is downloaded: where one subject's files lie, in the volume
// (func1pt8mm, func1mm) or on fsaverage. (NSD data manual; facts of the layout in nsd-extract(1).)
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace cortune::datasets::nsd {

struct Tree {
    std::filesystem::path root;
    int subject = 0;
    std::string space = "func1pt8mm", preparation = "betas_fithrf_GLMdenoise_RR";

    bool surface() const { return space == "fsaverage"; }
    std::string subject_name() const;                  // "subj01"
    std::filesystem::path betas() const;               // folder of the sessions
    std::filesystem::path design() const;              // nsd_expdesign.mat
    std::filesystem::path stimuli() const;             // nsd_stimuli.hdf5
    std::filesystem::path session(const std::string& hemisphere, int number) const;
    // Labels of a class in one hemisphere. (The files of both at once do not say which is which.)
    std::filesystem::path labels(const std::string& hemisphere, const std::string& roi_class) const;
    std::filesystem::path label_names(const std::string& roi_class) const;
    std::filesystem::path ncsnr(const std::string& hemisphere) const;

    // Numbers of the sessions that are there, ascending. Throws BadInput where the folder is
    // missing or holds none.
    std::vector<int> sessions() const;
};

// X, Y, Z of the func1pt8mm volume of subject 1 … 8.
inline constexpr std::array<std::array<std::int64_t, 3>, 8> volume_sizes{
    {{81, 104, 83}, {82, 106, 84}, {81, 106, 82}, {85, 99, 80}, {79, 97, 78}, {85, 113, 83}, {78, 95, 81}, {80, 103, 78}}};

// The subject whose volume has this size, 0 for none.
inline int subject_of_size(const std::array<std::int64_t, 3>& size) {
    const auto at = std::find(volume_sizes.begin(), volume_sizes.end(), size);
    return at == volume_sizes.end() ? 0 : static_cast<int>(at - volume_sizes.begin()) + 1;
}

}  // namespace cortune::datasets::nsd
