// SPDX-License-Identifier: BSD-3-Clause
// The matrix of transfer as a picture.
#pragma once

#include <string>
#include <vector>

#include "encode/transfer.hpp"
#include "report/evaluation_report.hpp"

namespace cortune::report {

// For all regions, the early and the higher ones a map of sources by targets, the mean share of voxels
// that gain; white is one half. Throws as svg(), and RunFailed where no region has a score.
Figure transfer_figure(const std::vector<encode::TransferGroup>& groups, const std::string& name);

}  // namespace cortune::report
