// SPDX-License-Identifier: BSD-3-Clause
// Single-trial betas of the raw NSD, a file a session.
#pragma once

#include <memory>
#include <vector>

#include "datasets/nsd/regions.hpp"
#include "datasets/session_rows.hpp"

namespace cortune::datasets::nsd {

// The grid of a session's betas. Throws BadInput for another type or shape, for another
// number of trials than 750, and for a volume of another subject's size.
Grid read_grid(const Tree& tree, const std::string& hemisphere, int session);

// The session's betas at the positions, in their order, in percent signal change: int16 / 300 in
// the volume, as they are on the surface. Throws BadInput as read_grid, and for another grid
// than `grid`.
std::shared_ptr<const SessionFile> open_betas(const Tree& tree, const std::string& hemisphere, int session, const Grid& grid,
                                              const std::vector<std::int32_t>& position);

}  // namespace cortune::datasets::nsd
