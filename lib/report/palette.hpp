// SPDX-License-Identifier: BSD-3-Clause
// What figures share.
#pragma once

#include <cstddef>
#include <string>

namespace cortune::report {

// Of the i-th model: Okabe & Ito's palette, told apart by the colour-blind; the first is grey.
const char* colour(std::size_t i);
inline constexpr std::size_t colour_count = 7;

// gnuplot's settings. Every figure says it that stands on optimistic numbers, wherever it is pasted.
std::string figure_style(bool optimistic);

}  // namespace cortune::report
