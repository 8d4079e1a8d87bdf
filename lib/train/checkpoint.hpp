// SPDX-License-Identifier: BSD-3-Clause
// The `checkpoint` file: a tuning in progress, replaced whole, read only by --resume.
#pragma once

#include <filesystem>
#include <string>

#include "h5/file.hpp"
#include "train/tuner.hpp"

namespace cortune::train {

// `identity`: what must be equal for a resumed run to continue this one (options, data
// set, ROI, weights, seed, threads), as JSON text.
void write_checkpoint(const std::filesystem::path& path, const h5::Record& record, const std::string& identity,
                      const Tuner::State& state);

// Throws BadInput where the file is no checkpoint or of a run with another identity,
// naming what differs.
Tuner::State read_checkpoint(const std::filesystem::path& path, const std::string& identity);

}  // namespace cortune::train
