// SPDX-License-Identifier: BSD-3-Clause
// What numbers an option takes, said in words: "expected a number above 0, found 0".
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace cortune::cli {

CLI::Validator above_zero();                            // whole or not
CLI::Validator not_negative();
CLI::Validator whole_at_least(std::int64_t least);      // 1, 2, …
CLI::Validator between(double least, double most);      // both included
CLI::Validator whole_between(std::int64_t least, std::int64_t most);

}  // namespace cortune::cli
