// SPDX-License-Identifier: BSD-3-Clause
// The simulated visual cortex: which vertices a hemisphere has, the regions they
// belong to, and the known model by which each responds to a scene.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datasets/simulate/features.hpp"
#include "datasets/simulate/scene.hpp"

namespace cortune::datasets::simulate {

inline constexpr int roi_classes = 6;
inline constexpr std::array<std::string_view, roi_classes> roi_class_names{
    "prf-visualrois", "floc-bodies", "floc-faces", "floc-places", "floc-words", "streams"};
// Label names of a class; label value = position + 1.
const std::vector<std::string>& label_names(int roi_class);

// One population of filters inside an early vertex's receptive field.
struct Unit {
    int channel = 0;
    double weight = 0;
};

// Tuning of a higher vertex to one category: drive = visibility · side ·
// (presence + Σ linear a + Σ folded (|a| − ½) + product a_i a_j), saturating.
struct Tuning {
    Category category = Category::body;
    double presence = 1;
    Attributes linear{}, folded{};
    double product = 0;
    int product_a = 0, product_b = 1;
};

struct Vertex {
    std::int32_t fsaverage = 0;
    std::array<std::int16_t, roi_classes> label{};
    Point centre{0.5, 0.5};  // receptive field in image coordinates
    double sigma = 0.1;
    int side = 1;                // its field lies in the right (1) or the left half (−1) of the picture
    std::vector<Unit> units;     // early model, or the weak low-level part of a higher one
    std::vector<Tuning> tuning;  // empty in the early areas
    double low_level = 1;        // weight of the units' part
    double noise_ceiling = 0.5;  // wanted share of variance of an averaged response
};

struct HemisphereModel {
    std::string name;              // "lh", "rh"
    std::vector<Vertex> vertices;  // ascending in `fsaverage`
};

inline constexpr std::int32_t fsaverage_vertices = 163842;

struct CortexOptions {
    double scale = 1;            // of the ROI sizes of preset small
    int vertices = 0;            // at least this many in the hemisphere (streams fill up)
    double noise_ceiling = 0.5;  // mean over the vertices of the ROIs
    bool both_sides = false;     // fields in either half, by chance, in place of the contralateral one
};

// `side` 0 is lh, whose receptive fields lie in the right half of the picture unless both_sides. A vertex with a field
// in the other half is the one that there would be, mirrored.
HemisphereModel draw_hemisphere(std::uint64_t seed, int subject, int side, const CortexOptions& options);

}  // namespace cortune::datasets::simulate
