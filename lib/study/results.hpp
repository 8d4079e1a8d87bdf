// SPDX-License-Identifier: BSD-3-Clause
// What a study found: its evaluations and transfers, read and averaged over seeds.
#pragma once

#include "report/study_report.hpp"
#include "study/study.hpp"

namespace cortune::study {

// Throws BadInput naming a step that is not done (with `unfinished` it is left out and said in the notes), or
// where there is no evaluation at all.
report::StudyPart read_results(const Study& study, bool unfinished);

}  // namespace cortune::study
