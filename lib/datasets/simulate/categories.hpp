// SPDX-License-Identifier: BSD-3-Clause
// The four held-out categories to which the higher areas are tuned, drawn from a few
// latent attributes each. They never appear in the labelled folder.
#pragma once

#include <array>
#include <string_view>

#include "datasets/simulate/things.hpp"

namespace cortune::datasets::simulate {

enum class Category : int { body = 0, face = 1, place = 2, word = 3 };
inline constexpr int categories = 4;
inline constexpr std::array<std::string_view, categories> category_names{"body", "face", "place", "word"};

// Attributes are in [−1, 1]; large enough changes of form to be seen at 64 pixels.
inline constexpr int attributes = 6;
using Attributes = std::array<double, attributes>;
inline constexpr std::array<std::array<std::string_view, attributes>, categories> attribute_names{{
    {"arm_raise", "leg_spread", "figures", "lean", "clothes_brightness", "stoutness"},
    {"eye_distance", "mouth_opening", "tilt", "width", "hair", "skin_brightness"},
    {"horizon", "openness", "blocks", "vanishing_x", "corridor", "daylight"},
    {"length", "stroke", "slant", "polarity", "spacing", "height"},
}};

// What is drawn in steps (the number of figures, inside or outside) has the values of
// the steps, and what cannot be seen (blocks from inside) is 0.
Attributes draw_attributes(Rng& rng, Category category);

// Bodies, faces and words at a pose; `rng` draws what the attributes leave open.
void paint_body(Canvas& canvas, const Pose& pose, const Attributes& a, Rng& rng);
void paint_face(Canvas& canvas, const Pose& pose, const Attributes& a, Rng& rng);
void paint_word(Canvas& canvas, const Pose& pose, const Attributes& a, Rng& rng);
// A place is the whole picture.
void paint_place(Canvas& canvas, const Attributes& a, Rng& rng);

}  // namespace cortune::datasets::simulate
