// SPDX-License-Identifier: BSD-3-Clause
// The matrix of transfer as a picture.
#pragma once

#include <string>
#include <vector>

#include "encode/transfer.hpp"

namespace cortune::report {

// SVG: for all regions, the early and the higher ones a map of sources by targets, the mean share of voxels
// that gain; white is one half. Throws as svg().
std::string transfer_map(const std::vector<encode::TransferGroup>& groups);

}  // namespace cortune::report
