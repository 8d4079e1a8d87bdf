// SPDX-License-Identifier: BSD-3-Clause
// One ROI of a comparison: every model's scores, their tests, and the gain over the first.
#pragma once

#include <vector>

#include "encode/roi_index.hpp"

namespace cortune::encode {

// sources: per model, in the comparison's order. tuned: per model, whether images that it is
// scored on tuned it. Voxels that have no r in some model are left out with a warning. Throws
// BadInput as pair_roi, and where folds differ without options.mixed_protocols.
RoiScores score_roi(const RoiKey& key, const std::vector<RoiSource>& sources, const std::vector<bool>& tuned,
                    const EvaluationOptions& options, Reporter& reporter);

}  // namespace cortune::encode
