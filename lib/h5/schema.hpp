// SPDX-License-Identifier: BSD-3-Clause
// Checks a file against the machine-readable layout of its kind, share/schema/<kind>.json.
//
// A schema is a group rule: {"attributes": {name: …}, "datasets": {name: …}, "groups":
// {path: group rule}}. Names may hold * (anything) and {placeholder} (anything, or one
// of the values listed for it under "placeholders"); what a placeholder matched can be
// used in "dims" and in rules below. An attribute has "type" (string, strings, int, ints,
// float, floats) and maybe "values"; a data set has "dtype" (one or a list) and, unless
// any will do, "dims", the names of the scales of its axes ("*" in a name: anything).
// Everything is required unless "optional" is true. "per": "<name of a data set>" asks
// for one for each match of that name. An "open" group may hold anything else without a
// note. "text" says what it is. Of every data set that a rule speaks of, "long_name" and
// "units" are asked for, and numbers are little-endian.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "h5/file.hpp"

namespace cortune::h5 {

struct Findings {
    std::vector<std::string> violations;  // "file:/dataset: expected …, found …"
    std::vector<std::string> notes;       // what the schema does not speak of; allowed
};

// The schema of a kind, with what is common to all kinds. BadInput for an unknown kind.
nlohmann::ordered_json load_schema(const std::string& kind);
// The schema of a file's own kind; an error names the file.
nlohmann::ordered_json load_schema(const Input& file);

// Throws BadInput where a group can be reached twice (a hard link to an ancestor, say):
// walking such a file may never end.
void refuse_loops(const Input& file);

// Refuses loops, then compares.
Findings check(const Input& file, const nlohmann::ordered_json& schema);

}  // namespace cortune::h5
