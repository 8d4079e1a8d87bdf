// SPDX-License-Identifier: BSD-3-Clause
// The Natural Object Dataset (OpenNeuro ds004496; Gong et al. 2023): single-trial betas on
// fsLR 32k by run, BIDS events, ImageNet pictures, the Glasser atlas.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "datasets/extract.hpp"

namespace cortune::datasets::nod {

struct NodOptions {
    std::filesystem::path root;
    int subject = 0;
    std::vector<int> sessions = {};          // of the ImageNet task; empty: 1 … 4, those that are there
    std::filesystem::path atlas, atlas_names;
    std::vector<std::string> regions = {};   // Glasser's names; empty: all
    int prf_best = 0;                        // of each region and hemisphere the vertices of highest pRF R²; 0: all
    std::string ceiling = "none";            // from repeats
    int threads = 1;
};

// Pictures "imagenet:<name>" in the order of their names; trials z-scored per vertex within
// run; columns are the vertices of the regions asked for, their vertex numbers those of the
// surface. Reads headers, events and the atlas; the betas when the plan is carried out.
// Throws BadInput for runs without betas or with another number of trials than events,
// pictures that are not there, and pointers whose content was not fetched.
Plan nod_plan(const NodOptions& options, Reporter& reporter);

}  // namespace cortune::datasets::nod
