// SPDX-License-Identifier: BSD-3-Clause
// Many encodings, one forward pass a network.
#pragma once

#include "engine/engine.hpp"

namespace cortune::engine {

PassCost cost_of_pass(const EncodeManyJob& job, const std::filesystem::path& model);

void run_encode_many(const EncodeManyJob& job, Reporter& reporter);

}  // namespace cortune::engine
