// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "report/study_report.hpp"
#include "stats/group.hpp"

namespace cortune::report {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

// A gain and a share of one subject, with the gain's interval.
struct OfSubject {
    double gain, low, high, share_improved;
};

double standard_error(const OfSubject& s) { return (s.high - s.low) / (2 * 1.959963984540054); }

double mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double v : values) sum += v;
    return values.empty() ? unknown : sum / static_cast<double>(values.size());
}

// chance: of the share; 0.5, or 0 for a difference of shares.
void over_subjects(StudyRow& row, const std::vector<OfSubject>& subjects, double chance) {
    std::vector<double> gain, error, excess;
    for (const auto& s : subjects) gain.push_back(s.gain), error.push_back(standard_error(s)), excess.push_back(s.share_improved - chance);
    const auto of_gain = stats::group_test(gain, error);
    const auto of_share = stats::group_test(excess, std::vector<double>(excess.size(), unknown));
    row.subjects = subjects.size();
    row.gain = of_gain.mean;
    row.low = of_gain.low, row.high = of_gain.high, row.p = of_gain.sign_flip_p;
    row.share_improved = of_share.mean + chance;
    row.share_p = of_share.sign_flip_p;
}

void add_sets(std::vector<StudyRow>& out, const std::string& part, const StudyComparison& c) {
    const auto& e = c.by_subject;
    for (std::size_t m = 1; m < e.label.size(); ++m)
        for (const char* set : {"all", "early", "higher"}) {
            StudyRow row{part, e.label[0], e.label[m], set};
            std::vector<OfSubject> subjects;
            std::vector<double> r, reference, rois;
            const encode::SetScores* last = nullptr;
            for (const auto& s : e.sets) {
                if (s.model != m || s.set != set) continue;
                last = &s;
                subjects.push_back({s.test.gain, s.test.low, s.test.high, s.test.share_improved});
                r.push_back(s.mean_r), reference.push_back(s.reference_r), rois.push_back(static_cast<double>(s.rois));
                row.optimistic |= s.optimistic;
            }
            if (!last) continue;
            over_subjects(row, subjects, 0.5);
            if (subjects.size() == 1) row.low = last->test.low, row.high = last->test.high, row.p = last->test.p, row.share_p = last->test.share_p;
            row.seeds = c.seeds;
            row.mean_r = mean(r), row.reference_r = mean(reference), row.regions = mean(rois);
            out.push_back(std::move(row));
        }
}

// Of every target, what networks that others tuned, or it itself, are worth on average.
struct Target {
    std::vector<OfSubject> own, others;
    std::vector<double> rois;
};

OfSubject average(const std::vector<OfSubject>& all) {
    OfSubject out{0, 0, 0, 0};
    const double each = 1 / static_cast<double>(all.size());
    for (const auto& s : all) out.gain += each * s.gain, out.low += each * s.low, out.high += each * s.high, out.share_improved += each * s.share_improved;
    return out;
}

// The error is that of independent parts, too wide here: both are of the same images.
OfSubject difference(const OfSubject& a, const OfSubject& b) {
    const double half = 1.959963984540054 * std::hypot(standard_error(a), standard_error(b)), gain = a.gain - b.gain;
    return {gain, gain - half, gain + half, a.share_improved - b.share_improved};
}

void add_transfer(std::vector<StudyRow>& out, const std::string& part, const StudyTransfer& t) {
    for (const char* set : {"all", "early", "higher"}) {
        std::map<std::string, Target> targets;
        bool optimistic = false;
        for (const auto& g : t.groups) {
            if (g.group != set) continue;
            Target& target = targets[g.target];
            (g.within ? target.own : target.others).push_back({g.test.gain, g.test.low, g.test.high, g.test.share_improved});
            target.rois.push_back(static_cast<double>(g.rois));
            optimistic |= g.optimistic;
        }
        const auto add = [&](const std::string& model, double chance, const std::function<bool(const Target&)>& has, const std::function<OfSubject(const Target&)>& of) {
            StudyRow row{part, "transfer", t.method + ": " + model, set};
            std::vector<OfSubject> subjects;
            std::vector<double> rois;
            for (const auto& [name, target] : targets)
                if (has(target)) subjects.push_back(of(target)), rois.push_back(mean(target.rois));
            if (subjects.empty()) return;
            over_subjects(row, subjects, chance);
            row.seeds = t.seeds;
            row.mean_r = row.reference_r = unknown;
            row.regions = mean(rois);
            row.optimistic = optimistic;
            out.push_back(std::move(row));
        };
        add("other subjects' networks", 0.5, [](const Target& x) { return !x.others.empty(); }, [](const Target& x) { return average(x.others); });
        add("own network", 0.5, [](const Target& x) { return !x.own.empty(); }, [](const Target& x) { return average(x.own); });
        add("own minus others'", 0, [](const Target& x) { return !x.own.empty() && !x.others.empty(); },
            [](const Target& x) { return difference(average(x.own), average(x.others)); });
    }
}

std::string number(double value) { return std::isfinite(value) ? fmt::format("{:.6g}", value) : "NA"; }

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
    std::string out = "study\tagainst\tmodel\tset\tsubjects\tseeds\tregions\tmean_r\treference_r\tgain\tgain_low\tgain_high\tp_value\tshare_improved\tshare_p_value\toptimistic\n";
    for (const auto& r : rows) {
        out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}", r.part, r.against, r.model, r.set, r.subjects, r.seeds);
        for (const double v : {r.regions, r.mean_r, r.reference_r, r.gain, r.low, r.high, r.p, r.share_improved, r.share_p}) out += '\t' + number(v);
        out += fmt::format("\t{}\n", r.optimistic ? 1 : 0);
    }
    return out;
}

nlohmann::ordered_json study_json(const std::vector<StudyRow>& rows) {
    auto out = nlohmann::ordered_json::array();
    const auto value = [](double v) { return std::isfinite(v) ? nlohmann::ordered_json(v) : nlohmann::ordered_json(); };
    for (const auto& r : rows)
        out.push_back({{"study", r.part}, {"against", r.against}, {"model", r.model}, {"set", r.set}, {"subjects", r.subjects}, {"seeds", r.seeds}, {"regions", value(r.regions)},
                       {"mean_r", value(r.mean_r)}, {"reference_r", value(r.reference_r)}, {"gain", value(r.gain)}, {"gain_low", value(r.low)}, {"gain_high", value(r.high)},
                       {"p_value", value(r.p)}, {"share_improved", value(r.share_improved)}, {"share_p_value", value(r.share_p)}, {"optimistic", r.optimistic}});
    return out;
}

}  // namespace cortune::report
