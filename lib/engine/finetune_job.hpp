// SPDX-License-Identifier: BSD-3-Clause
// Tuning, from files to a file.
#pragma once

#include "engine/engine.hpp"

namespace cortune::engine {

void run_finetune(const FinetuneJob& job, Reporter& reporter);

}  // namespace cortune::engine
