// SPDX-License-Identifier: BSD-3-Clause
// What several jobs do first: choose responses and guard against scored images that
// tuned the model.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "datasets/dataset.hpp"
#include "engine/engine.hpp"

namespace cortune::engine {

// `asked` bytes, or half of what the machine has free.
std::uint64_t memory_budget(std::uint64_t asked);

// Throws UsageError where two targets (option, path; empty paths do not count) are one
// file, or one is also an input.
void check_distinct(const std::vector<std::pair<std::string, std::filesystem::path>>& targets,
                    const std::vector<std::filesystem::path>& inputs);

// How many of `ids` (with `sha256`) are among the tuned images, by id or by pixels.
std::int64_t count_tuned(const std::vector<std::string>& ids, const std::vector<std::string>& sha256,
                         const std::vector<std::string>& tuned_ids, const std::vector<std::string>& tuned_sha256);

// The responses of a ROI without NaN: rows.size() × V, row-major. Throws BadInput
// counting the vertices that have any.
std::vector<float> finite_responses(const datasets::DatasetFile& data, const datasets::Roi& roi,
                                    const std::vector<std::int64_t>& rows);

}  // namespace cortune::engine
