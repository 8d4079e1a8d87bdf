// SPDX-License-Identifier: BSD-3-Clause
#include "cli/row.hpp"

#include <vector>

#include "core/text.hpp"

namespace cortune::cli {

std::string tsv_row(const nlohmann::ordered_json& row) {
    std::vector<std::string> names, values;
    for (const auto& [name, value] : row.items()) {
        names.push_back(name);
        values.push_back(value.is_string() ? value.get<std::string>() : value.is_number_float() ? number_text(value.get<double>(), "-") : value.dump());
    }
    return join(names, "\t") + "\n" + join(values, "\t") + "\n";
}

}  // namespace cortune::cli
