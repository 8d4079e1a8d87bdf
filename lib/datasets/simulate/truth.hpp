// SPDX-License-Identifier: BSD-3-Clause
// What is known of a simulated subject and stands beside its data.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "datasets/simulate/simulation.hpp"

namespace cortune::datasets::simulate {

// A summary of every vertex's model, which does not suffice to compute its responses (those
// stand in <h>_noiseless_* and <h>_signal_*, see measurement.hpp):
// <h>_receptive_field.npy (vertices, 3: x, y, sigma in image widths), <h>_preferred.npy
// (vertices, 2: orientation of the bars in degrees, cycles per image; NaN without an
// oriented unit), <h>_category_weights.npy (vertices, 4: presence of body, face,
// place, word), <h>_attribute_weights.npy (vertices, 4, 6).
void write_hemisphere_truth(const std::filesystem::path& folder, const HemisphereModel& model);

// truth.json: options, names, what each file of the folder holds and, for every image, its
// objects. The rows of the noiseless responses are in the order of its images.
void write_scene_truth(const std::filesystem::path& path, const SimulationOptions& options, int subject,
                       const SubjectImages& seen, const std::vector<Scene>& scenes);

}  // namespace cortune::datasets::simulate
