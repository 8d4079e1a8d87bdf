// SPDX-License-Identifier: BSD-3-Clause
// What options take, and when, said in words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/app.hpp"

namespace cortune::cli {

// "expected a number above 0, found '0'"; none of them takes "nan" or "inf".
Check above_zero();                            // whole or not
Check not_negative();
Check whole_at_least(std::int64_t least);      // 1, 2, …
Check between(double least, double most);      // both included
Check whole_between(std::int64_t least, std::int64_t most);

Check one_of(std::vector<std::string> words);           // the nearest first

// An option that would do nothing is a mistake: throws UsageError naming those of `options` that
// were given, "without effect" and `why`.
void refuse_idle(const std::vector<Option*>& options, const std::string& why, const std::string& mend = "leave it out");

// Throws UsageError for a name that is given twice.
void refuse_repeated(const char* option, std::vector<std::string> names);

}  // namespace cortune::cli
