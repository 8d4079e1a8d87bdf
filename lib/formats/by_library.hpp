// SPDX-License-Identifier: BSD-3-Clause
// Files of libraries that write to a name and do not say whether that went well: they get a
// name of their own, and what stands there is given back.
#pragma once

#include <functional>
#include <string>

namespace cortune::formats {

// The bytes that `write` leaves under the name it is given, which ends in `ending`; the file is
// gone afterwards. Throws OutputError where no such file can be made in $TMPDIR.
std::string bytes_by_library(const std::string& ending, const std::function<void(const std::string& name)>& write);

}  // namespace cortune::formats
