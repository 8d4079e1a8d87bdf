// SPDX-License-Identifier: BSD-3-Clause
// Features of pictures, from files to a file.
#pragma once

#include "engine/engine.hpp"

namespace cortune::engine {

void run_features(const FeatureJob& job, Reporter& reporter);

}  // namespace cortune::engine
