// SPDX-License-Identifier: BSD-3-Clause
// Making one step of a study.
#pragma once

#include <functional>
#include <string>

#include "study/progress.hpp"

namespace cortune::study {

// Runs the step's tool (found on PATH) in the study's folder, with its messages in the step's log, and returns its exit
// code; a signal that reaches this process goes to the tool, and 128 + its number comes back. While it runs its mark is
// touched; its end goes on record; a checkpoint goes when it is done. A step that is done is not made again
// (returns 0 at once). Throws RunFailed where it runs already, BadInput where an input is not done, ResourceError
// where the tool cannot be started, OutputError where nothing can be written.
int run_step(const Study& study, const Step& step, const std::function<void(const std::string&)>& say);

}  // namespace cortune::study
