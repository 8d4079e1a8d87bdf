// SPDX-License-Identifier: BSD-3-Clause
// Figures are drawn by gnuplot, which is asked for SVG over a pipe.
#pragma once

#include <string>

namespace cortune::report {

// The <svg> element that a gnuplot script draws; the script's own `set terminal` and `set
// output` are made here. Throws ResourceError where gnuplot cannot be started, RunFailed with
// its message where it refuses the script.
std::string svg(const std::string& script, int width, int height);

// Text in gnuplot's double quotes.
std::string quoted(const std::string& text);

}  // namespace cortune::report
