// SPDX-License-Identifier: BSD-3-Clause
// --plan: what an extraction would read and write, from headers and file sizes alone.
#pragma once

#include <nlohmann/json.hpp>

#include "datasets/extract.hpp"

namespace cortune::datasets {

// {"subject", "layout", "images", "official_test_images", "hemispheres": [{hemisphere,
// vertices, files}], "sessions": [{file, presentations, images}], "split", "rois": [{hemisphere, class, roi, voxels}], "read_gib", "write_gib",
// "minutes"}. Minutes are those of decoding the pictures on `threads` cores.
nlohmann::ordered_json plan_summary(const Plan& plan, const ExtractOptions& options, const std::vector<Split>& split);

}  // namespace cortune::datasets
