// SPDX-License-Identifier: BSD-3-Clause
// Single-trial betas of NOD, a CIFTI file a run.
#pragma once

#include <memory>
#include <vector>

#include "datasets/nod/tree.hpp"
#include "datasets/session_rows.hpp"
#include "formats/cifti.hpp"

namespace cortune::datasets::nod {

// A run's betas at the brainordinates `at`, in their order. Throws BadInput where the file has
// another number of trials than the run's events or other brainordinates than `like`, and where
// the labels beside it name other pictures than the events.
std::shared_ptr<const SessionFile> open_betas(const Run& run, const formats::CiftiFile& like, const std::vector<std::int64_t>& at);

}  // namespace cortune::datasets::nod
