// SPDX-License-Identifier: BSD-3-Clause
// Simulated subjects as the Natural Object Dataset: single-trial betas by run as CIFTI-2,
// BIDS events, pictures below stimuli/, a pRF fit, a Glasser-like atlas, and the truth.
#pragma once

#include <filesystem>

#include "datasets/simulate/simulation.hpp"

namespace cortune::datasets::simulate {

// Writes sub-NN, derivatives/ciftify, stimuli, supportfiles/sub-NN (MMP_mpmLR32k.mat and
// roilbl_mmp.csv; simulated brains differ, so each has an atlas of its own) and truth/sub-NN
// under `folder`, which exists. Runs have 100 trials, sessions ten runs. Vertices
// of the early visual and the category areas are in the regions of those names of Glasser's atlas,
// whose numbers are on the other hemisphere than their names say, as in the real file. Truth per
// hemisphere: <h>_trials.npy (trials × vertices), <h>_noiseless.npy (pictures × vertices, by
// ascending id). Throws UsageError where a surface is too small for the vertices.
void write_raw_nod(const std::filesystem::path& folder, const SimulationOptions& options, int threads, Reporter& reporter);

}  // namespace cortune::datasets::simulate
