// SPDX-License-Identifier: BSD-3-Clause
// Which ROIs the models of a comparison have in common, and where each model keeps them.
#pragma once

#include <compare>
#include <string>
#include <utility>
#include <vector>

#include "core/reporter.hpp"
#include "encode/evaluation.hpp"
#include "encode/pairing.hpp"

namespace cortune::encode {

struct RoiKey {
    std::string subject, hemisphere, roi_class, roi;
    auto operator<=>(const RoiKey&) const = default;
    std::string text() const { return subject + ' ' + hemisphere + ' ' + roi_class + ' ' + roi; }
};

// ROIs of the first model in order, then the unions of others that it has the parts of; with
// every model's place for them. What the first model lacks is left out with a warning. Throws
// BadInput where a model has a ROI twice, or none of the first model's.
std::vector<std::pair<RoiKey, std::vector<RoiSource>>> index_rois(const std::vector<ModelFiles>& models, Reporter& reporter);

}  // namespace cortune::encode
