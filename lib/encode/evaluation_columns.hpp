// SPDX-License-Identifier: BSD-3-Clause
// The numbers of a model in a region: columns of the table of an evaluation, on stdout and in its file.
#pragma once

#include <vector>

#include "encode/evaluation.hpp"

namespace cortune::encode {

struct ScoreColumn {
    const char *name, *long_name;
    const double& (*of)(const ModelScores&);
    double& (*at)(ModelScores&);

    template <class F>
    ScoreColumn(const char* n, const char* text, F f) : name(n), long_name(text), of(f), at(f) {}
};

const std::vector<ScoreColumn>& score_columns();

}  // namespace cortune::encode
