// SPDX-License-Identifier: BSD-3-Clause
// From noiseless responses to what a scanner session gives: repeats, noise, z-scores
// within sessions, averages.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/simulate/cortex.hpp"
#include "datasets/simulate/files.hpp"

namespace cortune::datasets::simulate {

struct MeasurementOptions {
    std::uint64_t seed = 0;
    int subject = 1, side = 0;
    int repeats = 3;
};

inline constexpr std::int64_t session_trials = 750;  // of NSD

// Explainable share of the variance of the averaged responses, per vertex:
// var(signal) / (var(signal) + noise variance / repeats), on either set of images.
struct Ceilings {
    std::vector<float> training, test;
};

// Every image is shown `repeats` times in a random order over sessions of about
// session_trials; each trial adds white noise sized by the vertex's wanted ceiling
// (over all images); trials are z-scored per vertex within session and averaged.
// Blocks of columns are worked on in parallel.
Ceilings measure(const HemisphereModel& model, const NpyMatrix& noiseless_training,
                 const NpyMatrix& noiseless_test, NpyMatrix& training, NpyMatrix& test,
                 const MeasurementOptions& options, int threads);

}  // namespace cortune::datasets::simulate
