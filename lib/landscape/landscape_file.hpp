// SPDX-License-Identifier: BSD-3-Clause
// The `landscape` file: distances of models, maps of them, and whether kinds of models lie together (layout in cortune(5)).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "h5/file.hpp"
#include "landscape/distance.hpp"
#include "landscape/embedding.hpp"
#include "landscape/groups.hpp"

namespace cortune::landscape {

// A model, or a point that is none: the oracle (the true classes) and ignorance (all classes alike).
struct Point {
    std::string label;
    bool model = true;
    bool placed = false;  // had no part in the maps
    std::string backbone, method, subject, hemisphere, roi_class, roi, model_uuid;  // empty for what is no model; all but the first two and the last for an untuned one
    double top1 = 0;      // share of the pictures that it has right; NaN: unknown
};

struct Landscape {
    std::vector<Point> points;          // those of the maps first, then the placed ones
    Distances distance;                 // of all points
    Embedding inpca, scaling;           // of the points that are not placed; of the divergences, of the angles
    Eigen::MatrixXd placed;             // placed points × axes of InPCA
    std::vector<GroupDistance> groups;  // by divergence, of tuned models of the maps
    std::int64_t images = 0, classes = 0;
    std::string optimistic_reason;      // empty: the pictures tuned no model

    std::size_t mapped() const;         // points of the maps
};

// Maps, placed points and groups, from points and distances.
void finish(Landscape& landscape, std::int64_t permutations, std::uint64_t seed);

// Throws BadInput for a file of another kind, and for parts that do not fit each other. Without classical scaling.
Landscape read_landscape(const h5::Input& input);

void write_landscape(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const Landscape& landscape);

}  // namespace cortune::landscape
