// SPDX-License-Identifier: BSD-3-Clause
// Simulated subjects as the raw NSD: single-trial betas in a small volume, the experiment
// design, the brick of stimuli, ROI labels with their names, ncsnr, and the truth.
#pragma once

#include <filesystem>

#include "datasets/simulate/simulation.hpp"

namespace cortune::datasets::simulate {

// Writes nsddata, nsddata_betas, nsddata_stimuli and truth/subjNN under `folder`, which exists.
// Sessions have 750 trials, and the last one is filled: few pictures are shown more often than
// options.repeats says. Sessions differ in level and spread, as scans do. Truth per hemisphere:
// <h>_trials.npy (trials × vertices, percent signal change, as the betas hold it),
// <h>_noiseless.npy (pictures × vertices, pictures by ascending id), <h>_voxel.npy (x + X (y + Y z) of every vertex).
// Throws UsageError for more than eight subjects, which subjectim cannot hold.
void write_raw_nsd(const std::filesystem::path& folder, const SimulationOptions& options, int threads, Reporter& reporter);

}  // namespace cortune::datasets::simulate
