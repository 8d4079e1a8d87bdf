// SPDX-License-Identifier: BSD-3-Clause
// Results as a table.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cortune::cli {

// Header and one line, tab-separated; numbers with six digits, "-" for what is not known.
std::string tsv_row(const nlohmann::ordered_json& row);
// At least one; all have the first one's names.
std::string tsv_rows(const nlohmann::ordered_json& rows);

}  // namespace cortune::cli
