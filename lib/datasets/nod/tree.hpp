// SPDX-License-Identifier: BSD-3-Clause
// Where one subject's files of NOD lie.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cortune::datasets::nod {

// One run of the ImageNet task.
struct Run {
    int session = 0, run = 0;
    std::filesystem::path events, betas;
    std::vector<std::string> picture;  // per trial: stim_file, below stimuli/
};

struct Tree {
    std::filesystem::path root;
    int subject = 0;
    std::string subject_name() const;  // "sub-01"
    std::filesystem::path stimuli() const { return root / "stimuli"; }
    std::filesystem::path betas(int session, int run) const;
    std::filesystem::path events(int session, int run) const;
    std::filesystem::path prf() const;

    // The runs of these sessions (empty: 1 … 4, those that are there), in order, with their
    // trials' pictures. Throws BadInput for a session without events, and an events file without
    // the column stim_file.
    std::vector<Run> runs(const std::vector<int>& sessions) const;
};

}  // namespace cortune::datasets::nod
