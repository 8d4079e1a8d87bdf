// SPDX-License-Identifier: BSD-3-Clause
// An evaluation as one self-contained page: table, figures, what is optimistic and why, and the
// commands behind it. Nothing is fetched from anywhere; figures are SVG inside the page.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "encode/evaluation.hpp"

namespace cortune::report {

struct Figure {
    std::string name, title, caption, svg;  // name: "accuracy", "scatter-1", …
    int width = 0;                          // pixels at which it is read well
    bool shrinks = true;                    // else a narrow window scrolls it
};

// Bars of mean r with intervals and ceilings; r against the first model's per voxel, one per
// further model; cross-validated r against layer.
std::vector<Figure> evaluation_figures(const encode::Evaluation& evaluation);

// Single ones of them, named so; without SVG where there is nothing to draw.
Figure accuracy_figure(const encode::Evaluation& evaluation, const std::string& name);
Figure layer_figure(const encode::Evaluation& evaluation, std::size_t model, const std::string& name);

// provenance: {"root", "nodes"} of the evaluation.
std::string evaluation_page(const encode::Evaluation& evaluation, const std::vector<Figure>& figures, const nlohmann::json& provenance);

}  // namespace cortune::report
