// SPDX-License-Identifier: BSD-3-Clause
// nsd_expdesign.mat: which picture was shown in which trial. (Allen et al. 2022; NSD data
// manual, "Experiment design".)
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace cortune::datasets::nsd {

inline constexpr std::int64_t session_trials = 750;
inline constexpr std::int64_t stimuli = 73000;

// 0-based ids (of 73,000) of the pictures in the order in which `subject` (from 1) saw them:
// subjectim[subject, masterordering[t] − 1] − 1. Throws BadInput naming file and variable.
std::vector<std::int32_t> trial_pictures(const std::filesystem::path& design, int subject);

// Writes such a file: `order` counts columns from 1; pictures[subject] has an id from 1 for each
// column. Throws OutputError.
void write_design(const std::filesystem::path& path, const std::vector<std::int64_t>& order, const std::vector<std::vector<std::int64_t>>& pictures);

}  // namespace cortune::datasets::nsd
