// SPDX-License-Identifier: BSD-3-Clause
// What several jobs do first: choose responses and guard against scored images that
// tuned the model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/dataset.hpp"
#include "engine/engine.hpp"

namespace cortune::engine {

// `asked` bytes, or half of what the machine has free.
std::uint64_t memory_budget(std::uint64_t asked);

// The responses of a ROI without NaN: rows.size() × V, row-major. Throws BadInput
// counting the vertices that have any.
std::vector<float> finite_responses(const datasets::DatasetFile& data, const datasets::Roi& roi,
                                    const std::vector<std::int64_t>& rows);

}  // namespace cortune::engine
