// SPDX-License-Identifier: BSD-3-Clause
// What tuned networks see, from files of several kinds, as one page: figures first, and with each of them a sentence that says what is
// significant and what is not.
#pragma once

#include <string>
#include <vector>

#include "datasets/dataset.hpp"
#include "landscape/landscape_file.hpp"
#include "probe/information.hpp"
#include "probe/probe_file.hpp"
#include "report/evaluation_report.hpp"
#include "salience/fields_file.hpp"
#include "salience/lateralization.hpp"
#include "salience/salience_file.hpp"

namespace cortune::report {

struct InsightReport {
    std::string title;
    std::vector<std::string> notes;           // paragraphs below it
    std::vector<probe::ProbeFile> probes;
    std::vector<landscape::Landscape> landscapes;
    std::vector<probe::Information> information;
    std::vector<salience::FieldsFile> fields;
    std::vector<salience::SalienceFile> salience;
    std::vector<salience::Lateralization> lateralization;
    std::vector<salience::Lateralization> controls;  // where nothing should be lateral
    std::vector<datasets::DatasetFile> data;  // of contact sheets
    int sheet_pictures = 8;
    nlohmann::json provenance;                // nodes of all files, by uuid
};

// A figure and what it says. Empty SVG: nothing to draw.
struct Finding {
    Figure figure;
    std::string sentence;  // HTML
    std::string table;     // HTML; may be empty
};
Finding probe_finding(const std::vector<probe::ProbeFile>& probes);
Finding landscape_finding(const landscape::Landscape& landscape, std::size_t number);
Finding information_finding(const std::vector<probe::Information>& information);
Finding field_finding(const salience::FieldsFile& fields, std::size_t number);
Finding lateral_finding(const std::vector<salience::Lateralization>& lateralization, const std::vector<salience::Lateralization>& controls);
Finding salience_finding(const std::vector<salience::SalienceFile>& files);

std::string insight_page(const InsightReport& report);

}  // namespace cortune::report
