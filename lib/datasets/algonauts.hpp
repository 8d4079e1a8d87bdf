// SPDX-License-Identifier: BSD-3-Clause
// The Algonauts 2023 layout (Gifford et al. 2023: NSD as images × fsaverage vertices),
// in its nested form (subjXX/training_split/…, test_split/…, roi_masks/) and the older
// flat one (training_images/SubjX, training_fmri/SubjX, roi_masks/SubjX).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "datasets/extract.hpp"

namespace cortune::datasets {

// Where one subject's parts lie; a path that does not exist is empty.
struct AlgonautsTree {
    std::filesystem::path training_images, training_fmri;
    std::filesystem::path test_images, test_fmri, noise_ceiling;
    std::filesystem::path roi_masks;
};

// `root` holds the subjects' folders, or is the folder of this one. Throws BadInput
// naming the places looked at, where two folders are this subject's, and where a part is a
// file or cannot be read.
AlgonautsTree find_algonauts(const std::filesystem::path& root, int subject);

// Label arrays and vertices of hemisphere `name` ("lh", "rh") with `vertices` columns;
// the files read are appended to `files`. Throws BadInput for a mask of another length,
// a label without a name, two labels of one name, and all-vertices with another count.
Hemisphere read_algonauts_masks(const std::filesystem::path& folder, const std::string& name,
                                std::uint64_t vertices, std::vector<std::filesystem::path>& files);

// Ids are "nsd:%05d" from the file names. Test images with responses are the official
// test split, those without are left out. A noise ceiling is a share of variance or NaN; `ceiling` is
// "" (the file's where it is there), "file" (BadInput without) or "none".
Plan algonauts_plan(const std::filesystem::path& root, int subject, const std::string& ceiling, Reporter& reporter);

}  // namespace cortune::datasets
