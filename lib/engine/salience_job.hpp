// SPDX-License-Identifier: BSD-3-Clause
// Salience maps, from files to a file.
#pragma once

#include "engine/engine.hpp"

namespace cortune::engine {

SalienceResult run_salience(const SalienceJob& job, Reporter& reporter);

}  // namespace cortune::engine
