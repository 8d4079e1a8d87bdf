// SPDX-License-Identifier: BSD-3-Clause
// The manual page of a tool (section 1, mdoc-free man macros) from its declarations.
#pragma once

#include <string>

#include "cli/app.hpp"
#include "cli/doc.hpp"

namespace cortune::cli {

// roff source; ends in a newline. The same for every machine and every day.
std::string manual_page(const App& app, const Doc& doc);

// Text broken at blanks into lines of at most `width` characters.
std::string wrap(const std::string& text, std::size_t width);

}  // namespace cortune::cli
