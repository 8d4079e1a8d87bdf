// SPDX-License-Identifier: BSD-3-Clause
// Maps of models as figures and as a page.
#pragma once

#include <string>

#include "landscape/landscape_file.hpp"

namespace cortune::report {

// The first two axes of InPCA, a panel for everything that models differ in (subject, hemisphere, region, method): a
// gnuplot script with its size. Imaginary axes say so.
struct LandscapeFigure {
    std::string script;
    int width, height;
};
LandscapeFigure landscape_figure(const landscape::Landscape& landscape);

// A page of its own: the map with names on hover, colours and axes to choose; eigenvalues, groups, and all models with their
// distances from the untuned one and the oracle. Nothing in it is fetched.
std::string landscape_page(const landscape::Landscape& landscape, const std::string& title);

}  // namespace cortune::report
