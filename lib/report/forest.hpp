// SPDX-License-Identifier: BSD-3-Clause
// Estimates with intervals, one below the other, and what of them is significant.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace cortune::report {

// Differences count as significant at a false discovery rate of 5 % over those of a figure.
inline constexpr double false_discovery_rate = .05;

struct Estimate {
    std::string label;
    double value, low, high;
    bool significant;  // shown filled
};

// SVG, from top to bottom, with a line at zero. `kinds`: what is filled, and what is not. Rows without a value have no place; empty: none has one.
std::string forest(std::vector<Estimate> rows, const std::string& axis, const std::array<const char*, 2>& kinds, bool optimistic, const std::string& prefix);
inline constexpr std::array<const char*, 2> by_rate = {"significant", "not significant"};

// Marks what is significant at that rate; counts those above and below zero.
struct Counted {
    std::int64_t above = 0, below = 0;
};
Counted mark_significant(std::vector<Estimate>& rows, const std::vector<double>& p);

std::string p_text(double p);                                                          // HTML
std::string share_text(std::int64_t part, std::size_t whole, const char* what);  // "3 of 4 pairs"

}  // namespace cortune::report
