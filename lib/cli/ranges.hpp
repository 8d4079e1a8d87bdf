// SPDX-License-Identifier: BSD-3-Clause
// What options take, and when, said in words.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace cortune::cli {

// "expected a number above 0, found '0'"
CLI::Validator above_zero();                            // whole or not
CLI::Validator not_negative();
CLI::Validator whole_at_least(std::int64_t least);      // 1, 2, …
CLI::Validator between(double least, double most);      // both included
CLI::Validator whole_between(std::int64_t least, std::int64_t most);

// An option that would do nothing is a mistake: throws UsageError naming those of `options` that
// were given, "without effect" and `why`.
void refuse_idle(const std::vector<CLI::Option*>& options, const std::string& why, const std::string& mend = "leave it out");

// Throws UsageError for a name that is given twice.
void refuse_repeated(const char* option, std::vector<std::string> names);

}  // namespace cortune::cli
