// SPDX-License-Identifier: BSD-3-Clause
// The `transfer` file (cortune(5)) and its table.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "encode/transfer.hpp"
#include "h5/file.hpp"

namespace cortune::encode {

// Throws as h5::Output.
void write_transfer(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const std::vector<TransferCell>& cells,
                    const std::vector<TransferGroup>& groups, const std::vector<TransferTarget>& targets);

// The groups of a `transfer` file; all are optimistic where any row is. Throws BadInput for matrices that do not fit.
std::vector<TransferGroup> read_transfer(const h5::Input& file);
std::vector<TransferTarget> read_targets(const h5::Input& file);

// Header and a line a region, then a line a source, target and group ("all", "early", "higher").
std::string transfer_tsv(const std::vector<TransferCell>& cells, const std::vector<TransferGroup>& groups);

// Sources and targets of the matrices, in the order of the cells.
struct TransferAxes {
    std::vector<std::string> source, target;
};
TransferAxes axes_of(const std::vector<TransferGroup>& groups);

// One number of every pair in a group, source × target (row-major); NaN where nothing was tried.
std::vector<double> transfer_matrix(const std::vector<TransferGroup>& groups, const TransferAxes& axes, const std::string& group,
                                    double (*of)(const TransferGroup&));

}  // namespace cortune::encode
