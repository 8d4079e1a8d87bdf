// SPDX-License-Identifier: BSD-3-Clause
// Evaluations averaged: over networks that differ in their seed alone, and over subjects.
#pragma once

#include <vector>

#include "encode/evaluation.hpp"

namespace cortune::encode {

// The same comparison with networks of other seeds: figures of regions, layers and sets averaged, those that every
// seed has. Ends of intervals are averaged, too (the images are the same, so that seeds do not narrow them), and
// p is twice the seeds' mean, at most 1, which is valid however they depend on one another (Rüschendorf 1982).
// Throws BadInput where models or protocols differ. One evaluation: itself.
Evaluation mean_over_seeds(const std::vector<Evaluation>& evaluations);

// A row a region, whose subject is "": means over subjects, of mean_r and difference with the 95 % intervals of the
// random-effects model (group.hpp; NaN with one subject) and p from flipping the subjects' signs.
Evaluation mean_over_subjects(const Evaluation& evaluation, std::uint64_t seed);

}  // namespace cortune::encode
