// SPDX-License-Identifier: BSD-3-Clause
// What a set of maps says, over its pictures.
#pragma once

#include <cstdint>

#include "salience/salience_file.hpp"
#include "stats/mean.hpp"

namespace cortune::salience {

// Over the pictures that neither tuned the network nor fitted the score's own weights; where there are not two of them, over all, and
// that is optimistic. What was not asked for has n = 0.
struct Summary {
    std::int64_t images = 0;                    // that it is over
    std::int64_t left_out = 0;                  // that tuned or fitted something
    bool optimistic = false;
    stats::MeanTest index{}, mirrored_index{};  // laterality
    stats::MeanTest randomised{};               // rank correlation with the control's maps; n: pictures of which both have one
    stats::MeanTest deletion{}, insertion{};    // by how much the areas are better than those of what all maps have in common
};
Summary summarise(const SalienceImages& images, std::int64_t resamples, std::uint64_t seed);

}  // namespace cortune::salience
