// SPDX-License-Identifier: BSD-3-Clause
// Which voxels or vertices of the raw NSD are taken, and what regions they are in.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/reporter.hpp"
#include "datasets/dataset.hpp"
#include "datasets/nsd/tree.hpp"

namespace cortune::datasets::nsd {

inline const std::vector<std::string> usual_classes{"prf-visualrois", "floc-bodies", "floc-faces", "floc-places", "floc-words", "streams"};

// What positions there are: X × Y × Z voxels (index x + X (y + Y z)), or vertices × 1 × 1.
using Grid = std::array<std::int64_t, 3>;

struct RegionOptions {
    std::string voxels = "nsdgeneral";     // or "rois": all that have a label in a class
    std::vector<std::string> classes = {}; // empty: the usual ones that are there
};

// One hemisphere ("lh", "rh"): vertex holds the positions taken, ascending; the classes'
// labels below 1 (none, outside the cortex) become 0. Files read are appended to `files`.
// Throws BadInput for labels of another grid, labels without a name, a class that was asked
// for and is not there, and where nothing is selected.
Hemisphere read_regions(const Tree& tree, const std::string& hemisphere, const Grid& grid, const RegionOptions& options,
                        std::vector<std::filesystem::path>& files, Reporter& reporter);

// ncsnr per position taken; NaN: unknown.
std::vector<float> read_ncsnr(const Tree& tree, const Hemisphere& hemisphere, const Grid& grid, std::vector<std::filesystem::path>& files);

}  // namespace cortune::datasets::nsd
