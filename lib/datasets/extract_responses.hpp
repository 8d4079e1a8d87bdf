// SPDX-License-Identifier: BSD-3-Clause
// The response half of an extraction: streams rows through a bounded block.
#pragma once

#include "datasets/extract.hpp"

namespace cortune::datasets {

// Looks at repeated presentations, where there are any: whether they agree, and the noise
// ceilings that the plan asks for.
void add_ceilings(Plan& plan);

// Copies every hemisphere's responses, normalised where asked for. Throws BadInput with
// the count per ROI for values that are not finite (unless allowed) and for a
// normalisation without training images.
// Returns what was noticed about columns.
std::vector<Finding> copy_responses(const Plan& plan, const ExtractOptions& options, const std::vector<Split>& split,
                                    DatasetWriter& writer, Reporter& reporter);

// The responses that the check of alignment looks at: columns of early visual areas, at most
// `most` a hemisphere, evenly spread; where none are known, of all columns.
std::vector<EarlyResponses> early_responses(const Plan& plan, std::size_t most);

}  // namespace cortune::datasets
