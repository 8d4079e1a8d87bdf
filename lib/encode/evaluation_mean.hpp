// SPDX-License-Identifier: BSD-3-Clause
// Evaluations averaged: over networks that differ in their seed alone, and over subjects.
#pragma once

#include <vector>

#include "encode/evaluation.hpp"

namespace cortune::encode {

// The same comparison with networks of other seeds: figures of regions, layers and sets averaged, those that every
// seed has; intervals and p as in region_mean.hpp. Throws BadInput where models or protocols differ. One evaluation: itself.
Evaluation mean_over_seeds(const std::vector<Evaluation>& evaluations);

// A row a region, whose subject is "". Of several subjects mean_r and difference are estimates of the random-effects
// model with its 95 % interval (group.hpp), p and share_p flip the subjects' signs, the rest are means; of one
// subject all is what it was.
Evaluation mean_over_subjects(const Evaluation& evaluation, std::uint64_t seed);

}  // namespace cortune::encode
