// SPDX-License-Identifier: BSD-3-Clause
// Shell completions from a tool's declarations.
#pragma once

#include <string>

#include "cli/app.hpp"
#include "cli/doc.hpp"

namespace cortune::cli {

// `shell` is bash, zsh or fish; throws UsageError for another.
std::string completion_script(const App& app, const Doc& doc, const std::string& shell);

}  // namespace cortune::cli
