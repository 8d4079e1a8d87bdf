// SPDX-License-Identifier: BSD-3-Clause
// Single trials of simulated subjects, for the layouts that keep them: who sees which picture
// when, and what is measured.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "datasets/simulate/files.hpp"
#include "datasets/simulate/simulation.hpp"
#include "images/image.hpp"

namespace cortune::datasets::simulate {

// Training and test pictures of a subject by ascending id.
std::vector<std::uint64_t> pictures_of(const SimulationOptions& options, int subject);

// Which of `pictures` each trial shows, every one options.repeats times at least; as many
// trials as fill sessions of `session` trials, so that few pictures are shown more often.
std::vector<std::int64_t> trial_order(std::int64_t pictures, std::int64_t session, const SimulationOptions& options);

// Draws the pictures and hands them on in order; noiseless: pictures × vertices.
void show_pictures(const std::vector<std::uint64_t>& pictures, const std::array<HemisphereModel, 2>& cortex, const SimulationOptions& options, int threads,
                   const std::function<void(std::size_t, const images::Image&)>& take, std::array<NpyMatrix, 2>& noiseless, Reporter& reporter);

// Mean over pictures of 1 / presentations: the share of a trial's noise that their average keeps.
double mean_inverse_repeats(const std::vector<std::int64_t>& picture, std::size_t pictures);

struct TrialOptions {
    int subject = 1;
    std::size_t side = 0;
    std::int64_t session = 750;  // trials that share level and spread
    double inverse_repeats = 1;  // mean_inverse_repeats of all trials
    double step = 0;             // values are multiples of it; 0: any
};

// trials × vertices, in percent signal change: the noiseless response and white noise sized by
// the vertex's wanted ceiling of the averages over repeats, with a level and a spread of each session's own. picture: per
// trial a row of `noiseless`.
void measure_trials(const HemisphereModel& model, const NpyMatrix& noiseless, const std::vector<std::int64_t>& picture, const TrialOptions& trial,
                    const SimulationOptions& options, int threads, NpyMatrix& trials);

}  // namespace cortune::datasets::simulate
