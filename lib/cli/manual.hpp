// SPDX-License-Identifier: BSD-3-Clause
// The manual page of a tool (section 1, mdoc-free man macros) from its declarations.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "cli/doc.hpp"

namespace cortune::cli {

// roff source; ends in a newline. The same for every machine and every day.
std::string manual_page(const CLI::App& app, const Doc& doc);

// What an option takes, "FILE": its type name without the checks that CLI11 appends.
std::string value_name(const CLI::Option& option);

// Flags take none.
bool takes_value(const CLI::Option& option);

// Text broken at blanks into lines of at most `width` characters.
std::string wrap(const std::string& text, std::size_t width);

}  // namespace cortune::cli
