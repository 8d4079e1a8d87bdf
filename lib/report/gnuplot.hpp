// SPDX-License-Identifier: BSD-3-Clause
// Figures are drawn by gnuplot, as SVG.
#pragma once

#include <string>

namespace cortune::report {

// The <svg> element that a gnuplot script draws; the script's own `set terminal` and `set
// output` are made here. Throws ResourceError where gnuplot cannot be started, RunFailed with
// its message where it refuses the script.
// `prefix` goes before every id in it, so that several fit on one page.
std::string svg(const std::string& script, int width, int height, const std::string& prefix = "figure");

// The same as a PNG file's bytes, at twice the resolution.
std::string png(const std::string& script, int width, int height);

// Text as gnuplot takes it literally: in single quotes, without control characters.
std::string quoted(const std::string& text);

}  // namespace cortune::report
