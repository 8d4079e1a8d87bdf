// SPDX-License-Identifier: BSD-3-Clause
// Whether maps depend on what the network learned, and whether what they mark makes the score.
#pragma once

#include "engine/salience_network.hpp"
#include "salience/checks.hpp"

namespace cortune::engine {

inline constexpr std::int64_t curve_steps = 16;

// Adds to `out` what is found of pictures [first, first + N): x normalised, maps as SalienceNetwork gives them, the mean of all other
// pictures' maps (not defined: there are none), their scores. Equal values are ordered by stream <picture> of the seed.
// Adebayo et al. 2018, Sanity checks for saliency maps (weights made random); Petsiuk et al. 2018, RISE (deletion and insertion),
// here with the score itself and the mean colour in place of what is gone.
void check_maps(SalienceNetwork& network, const torch::Tensor& x, const torch::Tensor& maps, const torch::Tensor& others, std::int64_t first, const double* score, std::int64_t seed,
                salience::Checks& out);

}  // namespace cortune::engine
