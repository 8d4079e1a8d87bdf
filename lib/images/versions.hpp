// SPDX-License-Identifier: BSD-3-Clause
// Which decoders turned picture files into pixels: for the record of a command.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cortune::images {

// Name and version of libpng, libjpeg-turbo and libzip, as loaded; libjpeg-turbo does not
// tell its version while it runs, so that is the one it was built against.
std::vector<std::pair<std::string, std::string>> library_versions();

}  // namespace cortune::images
