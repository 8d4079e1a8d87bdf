// SPDX-License-Identifier: BSD-3-Clause
// Receptive fields of voxels' predicted responses, from files to a file.
#pragma once

#include "engine/engine.hpp"

namespace cortune::engine {

std::vector<salience::FieldScores> run_fields(const FieldJob& job, Reporter& reporter);

}  // namespace cortune::engine
