// SPDX-License-Identifier: BSD-3-Clause
// The raw Natural Scenes Dataset (Allen et al. 2022): single-trial betas in the volume or on
// fsaverage, its experiment design, stimuli and ROI labels.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "datasets/extract.hpp"
#include "datasets/nsd/regions.hpp"

namespace cortune::datasets::nsd {

struct NsdOptions {
    std::filesystem::path root;
    int subject = 0;
    std::string space = "func1pt8mm";  // func1pt8mm, func1mm or fsaverage
    std::string preparation = "betas_fithrf_GLMdenoise_RR";
    std::vector<int> sessions = {};    // ascending; empty: all that are there
    RegionOptions regions;
    // "file": ncsnr beside the betas; from the repeats: "ncsnr", "split-half",
    // "leave-one-out"; "none"; empty: "file" where it is there.
    std::string ceiling;
    std::filesystem::path stimuli;  // empty: in its place below root
    int threads = 1;
};

// Explainable share of variance of the mean of nᵢ repeats of image i:
// ncsnr² / (ncsnr² + mean over images of 1/nᵢ). (NSD data manual, "Noise ceiling".)
std::vector<float> ceiling_of_ncsnr(const std::vector<float>& ncsnr, const std::vector<std::int32_t>& repeats);

// Pictures in the order of their 73k ids ("nsd:%05d", from 0, as in Algonauts), trials z-scored
// per voxel within session, averaged over repeats. Reads headers, labels and the design;
// the betas are read when the plan is carried out.
Plan nsd_plan(const NsdOptions& options, Reporter& reporter);

}  // namespace cortune::datasets::nsd
