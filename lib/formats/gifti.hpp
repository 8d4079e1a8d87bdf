// SPDX-License-Identifier: BSD-3-Clause
// GIFTI functional data. (Format: GIFTI 1.0.)
#pragma once

#include <string>
#include <vector>

namespace cortune::formats {

// A whole file: one float32 array, gzip and base64, AnatomicalStructurePrimary CortexLeft or
// CortexRight ("lh", "rh"), `name` as its name. Throws OutputError where $TMPDIR has no room.
std::string gifti_bytes(const std::vector<float>& values, const std::string& hemisphere, const std::string& name);

}  // namespace cortune::formats
