// SPDX-License-Identifier: BSD-3-Clause
// The 32 everyday classes: 16 shape families, each with two surfaces. They fill the
// scenes and train the shipped backbone; none of them is a body, face, place or word.
#pragma once

#include <string>
#include <vector>

#include "datasets/simulate/canvas.hpp"

namespace cortune::datasets::simulate {

inline constexpr int thing_classes = 32;

// "plain-star", "striped-star", …; index = class.
const std::vector<std::string>& thing_names();

// Where an object is: centre, radius of the disc it fits in, turn.
struct Pose {
    Point centre{0.5, 0.5};
    double radius = 0.2;
    double angle = 0;
    Point local(Point p) const { return (1 / radius) * rotated(p - centre, -angle); }
};

// An exemplar of the class, its proportions, colours and shading drawn from rng.
void paint_thing(Canvas& canvas, int thing_class, const Pose& pose, Rng& rng);

}  // namespace cortune::datasets::simulate
