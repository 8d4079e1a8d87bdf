// SPDX-License-Identifier: BSD-3-Clause
// A simulated study: subjects in the Algonauts 2023 layout with the truth beside
// them, and a labelled folder of pictures. The same seed and options give the same
// bytes on any number of threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/reporter.hpp"
#include "datasets/simulate/cortex.hpp"

namespace cortune::datasets::simulate {

struct SimulationOptions {
    std::string preset = "small";
    std::int64_t seed = 0;
    std::int64_t noise_seed =
        0;  // of trial order and noise: another one is another scan of the same brain
    int subjects = 1;
    int images = 0;       // training images per subject
    int test_images = 0;  // official test images
    int image_size = 0;
    int repeats = 3;  // presentations of every image
    double noise_ceiling = 0.5;
    double roi_scale = 1;      // ROI sizes relative to preset small
    bool both_sides = false;   // receptive fields in either half of the picture, not in the contralateral one
    bool real_counts = false;  // images and vertices per subject as in NSD
};

struct LabelledOptions {
    std::int64_t seed = 0;
    int per_class = 0, validation_per_class = 0;
    int image_size = 64;
};

// tiny, small or nsd.
SimulationOptions preset_options(const std::string& name);

// The pictures a subject sees: 0-based NSD ids, each list ascending. A tenth of the
// training images and all official test images are common to all subjects. Throws
// UsageError where the 73,000 ids do not suffice.
struct SubjectImages {
    std::vector<std::uint64_t> training, test;
};
SubjectImages subject_images(const SimulationOptions& options, int subject);

// The hemisphere (0 lh, 1 rh) of a subject under these options.
HemisphereModel subject_hemisphere(const SimulationOptions& options, int subject, int side);

// Writes subj01 … under `folder`, which exists. Memory is bounded by the vertices of
// one image and by blocks of columns, not by images × vertices.
void write_subjects(const std::filesystem::path& folder, const SimulationOptions& options, int threads,
                    Reporter& reporter);

// Writes train/<class>/NNNN.png and val/<class>/NNNN.png under `folder`.
void write_labelled(const std::filesystem::path& folder, const LabelledOptions& options, int threads,
                    Reporter& reporter);

}  // namespace cortune::datasets::simulate
