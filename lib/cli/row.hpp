// SPDX-License-Identifier: BSD-3-Clause
// A result of one row as a table.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cortune::cli {

// Header and one line, tab-separated; numbers with six digits, "-" for what is not known.
std::string tsv_row(const nlohmann::ordered_json& row);

}  // namespace cortune::cli
