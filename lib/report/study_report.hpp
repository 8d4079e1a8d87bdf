// SPDX-License-Identifier: BSD-3-Clause
// The results of a study on one page: what tuning bought by region and method, accuracy against layer, methods
// against one another, transfer between subjects, and published numbers beside one's own.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "encode/evaluation.hpp"
#include "encode/transfer.hpp"
#include "report/published.hpp"

namespace cortune::report {

// Models against the first of them, over the seeds of their networks.
struct StudyComparison {
    std::size_t seeds = 0;
    encode::Evaluation by_subject;  // mean_over_seeds
};

// Networks of one method on every subject.
struct StudyTransfer {
    std::string method;
    std::size_t seeds = 0;
    std::vector<encode::TransferGroup> groups;    // averaged over seeds
    std::vector<encode::TransferTarget> targets;  // likewise
};

struct StudyPart {
    std::string name;
    std::vector<std::string> notes;           // what was left out, and what looked wrong
    StudyComparison tuning;                   // against the untuned network
    std::vector<StudyComparison> comparisons; // of a method against another
    std::vector<StudyTransfer> transfers;
    std::string table;                        // the study's, as JSON
    std::vector<std::string> files;           // "out/evaluation.s0.h5, uuid …, by encode-eval 0.1.0 …"
};

struct StudyReport {
    std::string title;
    std::vector<StudyPart> parts;
    std::optional<Published> published;
    std::map<std::string, std::string> published_names;  // method → theirs
};

// One line of what the study says over subjects.
struct StudyRow {
    std::string part, against, model, set;   // against: the first model's label, or "transfer"
    std::size_t subjects = 0, seeds = 0;
    double regions = 0;                      // mean over subjects
    double mean_r = 0, reference_r = 0;      // NaN for transfer
    double gain = 0, p = 0;                  // mean over subjects; two-sided, signs of the subjects flipped
    double estimate = 0, low = 0, high = 0;  // of the random-effects model, with its 95 % interval
    double share_improved = 0, share_p = 0;  // mean and sign flips of share − ½ (of a difference of shares: of the difference)
    bool optimistic = false;
    // Of one subject: p and interval are those of its images, where there are some.
};

// Of every part: each comparison's sets, then the networks of other subjects, one's own, and the difference of the two.
std::vector<StudyRow> study_rows(const StudyReport& report);
std::string study_tsv(const std::vector<StudyRow>& rows);
nlohmann::ordered_json study_json(const std::vector<StudyRow>& rows);

// HTML; draws with gnuplot, throws as svg().
std::string study_page(const StudyReport& report, const std::vector<StudyRow>& rows);

}  // namespace cortune::report
