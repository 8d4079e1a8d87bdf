// SPDX-License-Identifier: BSD-3-Clause
// nsd_stimuli.hdf5: /imgBrick, uint8, 73,000 × 425 × 425 × 3.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "images/source.hpp"

namespace cortune::datasets::nsd {

// The pictures of the ascending 0-based `ids`, named "%05d"; read(i) gives their pixels.
// Throws BadInput for another shape or type, and for an id beyond the last picture.
std::shared_ptr<const images::Source> open_stimuli(const std::filesystem::path& path, std::vector<std::int32_t> ids);

}  // namespace cortune::datasets::nsd
