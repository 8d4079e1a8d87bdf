// SPDX-License-Identifier: BSD-3-Clause
// Figures of a study's page.
#pragma once

#include <string>
#include <vector>

#include "report/evaluation_report.hpp"
#include "report/published.hpp"

namespace cortune::report {

// Each without SVG where there is nothing to draw. means: of mean_over_subjects, a row a region.
Figure improved_figure(const encode::Evaluation& means, const std::string& name);
// Cross-validated r against layer, a line a model, mean over the regions of a set ("all", "early", "higher") and over
// subjects, with the standard error over subjects.
Figure set_layers_figure(const encode::Evaluation& by_subject, const encode::Regions& regions, const std::string& set, const std::string& name);
// Published against own mean r, a point a region and method.
Figure published_figure(const std::vector<BesidePublished>& rows, const std::string& name, bool optimistic);

}  // namespace cortune::report
