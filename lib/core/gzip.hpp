// SPDX-License-Identifier: BSD-3-Clause
// gzip (RFC 1952) without name and time, so that equal bytes stay equal.
#pragma once

#include <string>
#include <string_view>

namespace cortune {

std::string gzipped(std::string_view bytes);

}  // namespace cortune
