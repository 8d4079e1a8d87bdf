// SPDX-License-Identifier: BSD-3-Clause
// One number per vertex of a hemisphere's surface, or per voxel of a volume, from any of the
// files that hold one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "h5/file.hpp"

namespace cortune::surface {

// fsaverage: 163,842 vertices a hemisphere (FreeSurfer's icosahedron of order 7).
inline constexpr std::int64_t fsaverage_vertices = 163842;

// Where the values belong, and how many positions there are: vertices of fsaverage or fsLR 32k,
// voxels of a volume (x + X (y + Y z)).
struct Place {
    enum Kind { fsaverage, fslr, volume } kind = fsaverage;
    std::int64_t positions = fsaverage_vertices;
    std::string grid = {};  // of a volume, "81x104x83"
};

struct Choice {
    std::string quantity;         // data set name: "r", "noise_ceiling", "cv_r", "roi" (labels), …
    std::string hemisphere;       // "lh" or "rh"
    std::string subject;          // evaluations of several subjects; empty: the only one
    std::string roi_class, roi;   // empty: every ROI that there is
    std::string model, layer;     // along that axis of the quantity; empty: the last model, the chosen layer
};

struct VertexMap {
    std::string hemisphere, space, name;
    std::vector<float> value;     // one per position of the space; NaN where nothing is known
    std::int64_t known = 0;       // finite ones
    bool optimistic = false;      // images that are behind the values tuned or selected something; `name` says so
    std::int64_t disagreeing = 0; // vertices of several ROIs with different values: the first ROI's stand
};

// A file without any region of the hemisphere (or of what else was chosen).
class NothingThere : public BadInput {
  public:
    using BadInput::BadInput;
};

// Reads an evaluation, encoding or dataset file. Throws NothingThere, and BadInput for a quantity that it does not
// have (those that it has are named), vertices of another space, or an index beyond it;
// UsageError where a choice is open.
VertexMap read_vertex_map(const h5::Input& file, const Choice& choice, const Place& place);

// Both hemispheres of a volume as one; a voxel of both keeps the first's value.
VertexMap merge(VertexMap first, const VertexMap& second);

}  // namespace cortune::surface
