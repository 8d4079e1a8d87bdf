// SPDX-License-Identifier: BSD-3-Clause
// The Glasser atlas as NOD's support files have it: a label per cortical brainordinate and
// the regions' names. (Glasser et al. 2016, Nature 536.)
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace cortune::datasets::nod {

inline constexpr int regions = 180;

struct Atlas {
    std::filesystem::path labels_file, names_file;
    std::vector<std::int64_t> label;   // 1 … 360 per brainordinate of the cortex; 0: none
    std::vector<std::string> name;     // of the 180 regions, without side
    // 1 … 180 whatever the side; 0: none. Brainordinates are counted among those of the cortex.
    int region(std::int64_t of_cortex) const;
};

// glasser_MMP of a MAT file (MMP_mpmLR32k.mat) and the 180 rows "L_V1_ROI,R_V1_ROI" of a
// table (roilbl_mmp.csv). Which side a label is on is not believed: hemispheres come from the
// CIFTI files. Throws BadInput.
Atlas read_atlas(const std::filesystem::path& labels, const std::filesystem::path& names);

}  // namespace cortune::datasets::nod
