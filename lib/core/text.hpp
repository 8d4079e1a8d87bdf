// SPDX-License-Identifier: BSD-3-Clause
// Small text helpers for messages and options.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cortune {

std::string join(const std::vector<std::string>& items, std::string_view separator = ", ");
std::vector<std::string> split(std::string_view text, char separator);
std::string trim(std::string_view text);
// "prf-visualrois" → "prf_visualrois": HDF5 link names are lower_snake.
std::string lower_snake(std::string_view text);
// A name as an HDF5 link: without slashes, and neither empty nor ".".
std::string link_name(std::string name);
// `known` sorted by nearness to `wanted`: names that begin with it, then by edit distance
// (Levenshtein, case folded): for "unknown ROI 'V1w'; known: V1v, …".
std::vector<std::string> nearest_first(std::string_view wanted, std::vector<std::string> known);
// "500M", "8G", "1.5GiB", plain bytes, 1 or more; K, M, G, T are powers of 1024. Throws UsageError.
std::uint64_t parse_bytes(std::string_view text);
// "1-10,12" as numbers of 1 … 1000, ascending, each once. Throws UsageError naming `option`.
std::vector<int> parse_ranges(std::string_view text, const std::string& option);
// Six significant digits; `unknown` for what is not finite.
std::string number_text(double value, const char* unknown);
std::string format_bytes(double bytes);
std::string format_seconds(double seconds);

}  // namespace cortune
