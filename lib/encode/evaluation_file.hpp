// SPDX-License-Identifier: BSD-3-Clause
// The `evaluation` file and the table on stdout. R rows (ROIs), M models:
//   /model string scale; /row int32 scale
//   /table/  subject, hemisphere, roi_class, roi string (row); voxels int32 (row);
//            ceiling_r float64 (row); images int32, optimistic int16 (row, model);
//            mean_r … p_value float64 (row, model), NaN where there is nothing to say
//   /layers/ layer string scale, cv_r float64 (row, model, layer)
//   /sets/   a row a subject, set of regions and model, /group/ a row a region or set and model
//   /results/<subject>/<hemisphere>/<roi class>/<roi>/  voxel scale, vertex (voxel),
//            r, r2, r_low, r_high, difference, difference_low, difference_high float32 and
//            p_value, q_value, difference_p_value, difference_q_value float64 (model, voxel),
//            noise_ceiling float32 (voxel) optional
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "encode/evaluation.hpp"
#include "h5/file.hpp"

namespace cortune::encode {

void write_evaluation(const std::filesystem::path& path, const h5::Record& record, bool overwrite,
                      const Evaluation& evaluation);

// What write_evaluation wrote, but for what is there of every voxel, and without groups (over_subjects makes them).
// Throws BadInput for columns that do not fit.
Evaluation read_evaluation(const h5::Input& file);

// One line per ROI and model that has it, tab-separated, with a header; nan where unknown.
std::string evaluation_tsv(const Evaluation& evaluation);
// A forest plot as a table: per region, model and quantity one line a subject, then the combined ones
// ("mean" with its sign-flip p, "random effects" with its interval). Header alone where no
// region has two subjects.
std::string forest_tsv(const Evaluation& evaluation);

// The same rows as objects; null where unknown.
nlohmann::ordered_json evaluation_json(const Evaluation& evaluation);

}  // namespace cortune::encode
