// SPDX-License-Identifier: BSD-3-Clause
// What the vertices of a hemisphere answer to a picture, without noise.
#pragma once

#include <vector>

#include "datasets/simulate/cortex.hpp"

namespace cortune::datasets::simulate {

class Responder {
  public:
    // `model` must outlive it.
    explicit Responder(const HemisphereModel& model);

    // Of every vertex, to `out`. May be called from several threads.
    void respond(const Scene& scene, const FeatureMaps& maps, float* out) const;

  private:
    // A vertex's Gaussian receptive field on the grid of the maps, cut at 2.2 deviations: columns x0 to x1, rows y0 to y1.
    struct Field {
        int x0, x1, y0, y1;
        double mass;                 // sum of the weights
        std::size_t at_x, at_y;      // where in across_ and down_ its weights begin,
        std::size_t at_unit, units;  // and in units_ what it sums
    };
    Field field_of(const Vertex& v);
    double pooled(std::size_t vertex, const std::vector<float>& columns) const;

    const HemisphereModel& model_;
    std::vector<Field> fields_;
    std::vector<float> across_;
    std::vector<double> down_;
    std::vector<Unit> units_;  // a copy: those of a vertex alone lie anywhere in memory
};

}  // namespace cortune::datasets::simulate
