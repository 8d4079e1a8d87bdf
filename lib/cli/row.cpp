// SPDX-License-Identifier: BSD-3-Clause
#include "cli/row.hpp"

#include <vector>

#include "core/text.hpp"

namespace cortune::cli {

namespace {

std::string cell_text(const nlohmann::ordered_json& value) {
    return value.is_string() ? value.get<std::string>() : value.is_number_float() ? number_text(value.get<double>(), "-") : value.dump();
}

}  // namespace

std::string tsv_rows(const nlohmann::ordered_json& rows) {
    std::vector<std::string> names;
    for (const auto& [name, value] : rows.at(0).items()) names.push_back(name);
    std::string out = join(names, "\t") + "\n";
    for (const auto& row : rows) {
        std::vector<std::string> values;
        for (const auto& [name, value] : row.items()) values.push_back(cell_text(value));
        out += join(values, "\t") + "\n";
    }
    return out;
}

std::string tsv_row(const nlohmann::ordered_json& row) { return tsv_rows(nlohmann::ordered_json::array({row})); }

}  // namespace cortune::cli
