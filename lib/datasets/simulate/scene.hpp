// SPDX-License-Identifier: BSD-3-Clause
// One picture and all that is known of it. It depends on (seed, id) alone: subjects
// who see the same id see the same picture.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "datasets/simulate/categories.hpp"

namespace cortune::datasets::simulate {

struct Thing {
    int thing_class = 0;
    Pose pose;
};

// A category in a scene; visibility 0 where it is absent, up to 1 with its size.
struct Appearance {
    double visibility = 0;
    Pose pose;
    Attributes attributes{};
};

struct Scene {
    std::vector<Thing> things;
    std::array<Appearance, categories> category;
};

// About a quarter of all scenes show each category, a quarter none; 1–3 objects.
Scene draw_scene(std::uint64_t seed, std::uint64_t id);
images::Image render_scene(const Scene& scene, std::uint64_t seed, std::uint64_t id, int size);

// Picture `index` of a class of the labelled folder: one thing before a background.
// Training and validation pictures come from different streams.
images::Image render_labelled(int thing_class, bool validation, std::uint64_t seed, std::uint64_t index,
                              int size);

}  // namespace cortune::datasets::simulate
