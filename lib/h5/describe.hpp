// SPDX-License-Identifier: BSD-3-Clause
// What a person wants to know of a file before using it, from attributes and small data
// sets alone.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "h5/file.hpp"

namespace cortune::h5 {

// {"file", "kind", "uuid", "created", …, what is particular to the kind, "data_sets":
// [{path, type, shape, axes}]}. Throws BadInput where the file lacks what its kind has.
nlohmann::ordered_json describe(const Input& file);

// Any such object as indented text: "key: value", lists of objects as aligned tables.
std::string describe_text(const nlohmann::ordered_json& description);

}  // namespace cortune::h5
