// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "core/text.hpp"
#include "report/study_report.hpp"
#include "stats/group.hpp"

namespace cortune::report {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

double mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double v : values) sum += v;
    return values.empty() ? unknown : sum / static_cast<double>(values.size());
}

// chance: of the share; 0.5, or 0 for a difference of shares.
void over_subjects(StudyRow& row, const std::vector<encode::GainTest>& subjects, double chance) {
    std::vector<double> gain, error, excess;
    for (const auto& s : subjects) gain.push_back(s.gain), error.push_back(stats::standard_error(s.low, s.high)), excess.push_back(s.share_improved - chance);
    const auto of_gain = stats::group_test(gain, error);
    const auto of_share = stats::group_test(excess, std::vector<double>(excess.size(), unknown));
    row.subjects = subjects.size();
    row.gain = of_gain.mean, row.p = of_gain.sign_flip_p;
    row.estimate = of_gain.estimate, row.low = of_gain.low, row.high = of_gain.high;
    row.share_improved = of_share.mean + chance;
    row.share_p = of_share.sign_flip_p;
    if (subjects.size() != 1) return;
    row.estimate = subjects[0].gain, row.low = subjects[0].low, row.high = subjects[0].high;
    row.p = subjects[0].p, row.share_p = subjects[0].share_p;
}

void add_sets(std::vector<StudyRow>& out, const std::string& part, const StudyComparison& c) {
    const auto& e = c.by_subject;
    for (std::size_t m = 1; m < e.label.size(); ++m)
        for (const char* set : encode::region_sets) {
            StudyRow row{part, e.label[0], e.label[m], set};
            std::vector<encode::GainTest> subjects;
            std::vector<double> r, reference, rois;
            for (const auto& s : e.sets) {
                if (s.model != m || s.set != set) continue;
                subjects.push_back(s.test);
                r.push_back(s.mean_r), reference.push_back(s.reference_r), rois.push_back(static_cast<double>(s.rois));
                row.optimistic |= s.optimistic;
            }
            if (subjects.empty()) continue;
            over_subjects(row, subjects, 0.5);
            row.seeds = c.seeds;
            row.mean_r = mean(r), row.reference_r = mean(reference), row.regions = mean(rois);
            out.push_back(std::move(row));
        }
}

void add_transfer(std::vector<StudyRow>& out, const std::string& part, const StudyTransfer& t) {
    struct Side {
        const char* name;
        double chance;
        encode::GainTest encode::TransferTarget::*of;
    };
    for (const char* set : encode::region_sets)
        for (const Side& side : {Side{"other subjects' networks", 0.5, &encode::TransferTarget::others}, Side{"own network", 0.5, &encode::TransferTarget::own},
                                 Side{"own minus others'", 0, &encode::TransferTarget::difference}}) {
            StudyRow row{part, "transfer", t.method + ": " + side.name, set};
            std::vector<encode::GainTest> subjects;
            std::vector<double> rois;
            for (const auto& target : t.targets) {
                if (target.group != set || std::isnan((target.*side.of).gain)) continue;
                subjects.push_back(target.*side.of);
                rois.push_back(static_cast<double>(target.rois));
                row.optimistic |= target.optimistic;
            }
            if (subjects.empty()) continue;
            over_subjects(row, subjects, side.chance);
            row.seeds = t.seeds;
            row.mean_r = row.reference_r = unknown;
            row.regions = mean(rois);
            out.push_back(std::move(row));
        }
}

// The numbers of a row, in the order of its columns.
struct Column {
    const char* name;
    double StudyRow::*of;
};
constexpr Column columns[] = {{"regions", &StudyRow::regions}, {"mean_r", &StudyRow::mean_r}, {"reference_r", &StudyRow::reference_r}, {"gain", &StudyRow::gain}, {"p_value", &StudyRow::p},
                              {"estimate", &StudyRow::estimate}, {"estimate_low", &StudyRow::low}, {"estimate_high", &StudyRow::high},
                              {"share_improved", &StudyRow::share_improved}, {"share_p_value", &StudyRow::share_p}};

std::string row_text(double value) { return number_text(value, "NA"); }

}  // namespace

std::vector<StudyRow> study_rows(const StudyReport& report) {
    std::vector<StudyRow> out;
    for (const auto& part : report.parts) {
        add_sets(out, part.name, part.tuning);
        for (const auto& c : part.comparisons) add_sets(out, part.name, c);
        for (const auto& t : part.transfers) add_transfer(out, part.name, t);
    }
    return out;
}

std::string study_tsv(const std::vector<StudyRow>& rows) {
    std::string out = "study\tagainst\tmodel\tset\tsubjects\tseeds";
    for (const auto& c : columns) out += fmt::format("\t{}", c.name);
    out += "\toptimistic\n";
    for (const auto& r : rows) {
        out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}", r.part, r.against, r.model, r.set, r.subjects, r.seeds);
        for (const auto& c : columns) out += '\t' + row_text(r.*c.of);
        out += fmt::format("\t{}\n", r.optimistic ? 1 : 0);
    }
    return out;
}

nlohmann::ordered_json study_json(const std::vector<StudyRow>& rows) {
    auto out = nlohmann::ordered_json::array();
    for (const auto& r : rows) {
        nlohmann::ordered_json row = {{"study", r.part}, {"against", r.against}, {"model", r.model}, {"set", r.set}, {"subjects", r.subjects}, {"seeds", r.seeds}};
        for (const auto& c : columns) row[c.name] = std::isfinite(r.*c.of) ? nlohmann::ordered_json(r.*c.of) : nlohmann::ordered_json();
        row["optimistic"] = r.optimistic;
        out.push_back(std::move(row));
    }
    return out;
}

}  // namespace cortune::report
