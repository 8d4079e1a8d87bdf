// SPDX-License-Identifier: BSD-3-Clause
#include "encode/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/text.hpp"
#include "encode/roi_index.hpp"
#include "encode/roi_scores.hpp"

namespace cortune::encode {
namespace {

// Files in which scored images tuned the model or fitted its ridge; throws unless that is allowed.
std::set<const EncodingFile*> leaking_files(const std::vector<ModelFiles>& models, bool allowed, std::set<std::string>& reasons,
                                            Reporter& reporter) {
    std::set<const EncodingFile*> out;
    for (const auto& model : models)
        for (const auto& file : model.files) {
            const Leaks leaks = find_leaks(file.header());
            if (leaks.tuned + leaks.fitted == 0) continue;
            const bool tuned = leaks.tuned > 0;
            reasons.insert(tuned ? "scored images tuned the model" : "scored images are among the fitting images");
            const std::string text = fmt::format("{}: {} of the {} scored images {}", file.input().path().string(), tuned ? leaks.tuned : leaks.fitted,
                                                 file.header().image.size(), tuned ? "tuned the model" : "are among those that the ridge was fitted on");
            if (!allowed)
                throw BadInput(text, "its scores reward memory; --allow-tuned-images admits them and marks "
                                     "their rows optimistic");
            reporter.warn(text + "; its rows are marked optimistic");
            out.insert(&file);
        }
    return out;
}

std::string common_protocol(const std::vector<ModelFiles>& models, bool mixed) {
    std::set<std::string> found;
    for (const auto& model : models)
        for (const auto& file : model.files) found.insert(file.header().protocol);
    if (found.size() == 1) return *found.begin();
    if (!mixed)
        throw BadInput("the models were scored by different protocols: " + join({found.begin(), found.end()}),
                       "--mixed-protocols sets them side by side");
    return "mixed";
}

// The first model against itself says nothing.
std::vector<SetScores> over_regions(const Evaluation& e, const Regions& regions, Reporter& reporter) {
    std::vector<SetScores> out;
    std::vector<std::string> subjects;
    for (const auto& roi : e.rois)
        if (std::find(subjects.begin(), subjects.end(), roi.subject) == subjects.end()) subjects.push_back(roi.subject);
    for (const auto& subject : subjects)
        for (std::size_t m = 1; m < e.label.size(); ++m)
            for (const char* set : region_sets) {
                SetScores s{subject, set, m};
                std::vector<RegionGain> gains;
                std::set<std::uint64_t> images;
                for (const auto& roi : e.rois) {
                    const ModelScores& model = roi.models[m];
                    if (roi.subject != subject || !model.present || std::isnan(model.test.difference)) continue;
                    if (s.set != "all" && regions.group({roi.roi_class, roi.roi}) != s.set) continue;
                    gains.push_back(gain_of(model.test));
                    images.insert(roi.image_set);
                    s.mean_r += model.mean_r;
                    s.reference_r += roi.models[0].mean_r;
                    s.optimistic |= model.optimistic;
                }
                if (gains.empty()) continue;
                s.rois = static_cast<std::int64_t>(gains.size());
                s.mean_r /= static_cast<double>(gains.size());
                s.reference_r /= static_cast<double>(gains.size());
                s.test = test_gain(mean_gain(gains));
                if (images.size() > 1) {
                    // Their resamples draw different images, and the mean would vary too little.
                    s.test.low = s.test.high = s.test.p = s.test.share_p = std::numeric_limits<double>::quiet_NaN();
                    reporter.warn(fmt::format("{}, {} of {}: the regions were scored on different images, so their mean has no interval and no p", subject, set, e.label[m]));
                }
                out.push_back(std::move(s));
            }
    return out;
}

// What a subject adds to the groups.
struct Effect {
    double value, low, high;
};

void add_to_groups(std::vector<GroupScores>& groups, const GroupScores& key, const std::string& subject, const Effect& effect, bool optimistic) {
    if (std::isnan(effect.value)) return;
    auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) {
        return g.model == key.model && g.quantity == key.quantity && g.hemisphere == key.hemisphere && g.roi_class == key.roi_class && g.roi == key.roi;
    });
    if (group == groups.end()) group = groups.insert(groups.end(), key);
    group->subject.push_back(subject);
    group->effect.push_back(effect.value);
    group->low.push_back(effect.low);
    group->high.push_back(effect.high);
    group->optimistic |= optimistic;
}

}  // namespace

std::vector<GroupScores> over_subjects(const Evaluation& e, std::uint64_t seed) {
    std::vector<GroupScores> out;
    const auto key = [](const auto&... of) { return GroupScores{of..., {}, {}, {}, {}, {}, false}; };
    for (const auto& roi : e.rois)
        for (std::size_t m = 0; m < roi.models.size(); ++m) {
            const auto& model = roi.models[m];
            if (!model.present) continue;
            const auto add = [&](const char* quantity, const Effect& effect) {
                add_to_groups(out, key(roi.hemisphere, roi.roi_class, roi.roi, m, quantity), roi.subject, effect, model.optimistic);
            };
            add("mean_r", {model.mean_r, model.mean_r_low, model.mean_r_high});
            if (m > 0) add("difference", {model.test.difference, model.test.low, model.test.high});
        }
    for (const auto& s : e.sets)
        add_to_groups(out, key("both", "set", s.set, s.model, "difference"), s.subject, {s.test.gain, s.test.low, s.test.high}, s.optimistic);
    std::erase_if(out, [](const auto& g) { return g.subject.size() < 2; });
    for (auto& g : out) {
        std::vector<double> error;
        for (std::size_t i = 0; i < g.low.size(); ++i) error.push_back(stats::standard_error(g.low[i], g.high[i]));
        g.test = stats::group_test(g.effect, error, 100000, seed);
    }
    return out;
}

Evaluation evaluate(const std::vector<ModelFiles>& models, const EvaluationOptions& options,
                    const Regions& regions, Reporter& reporter) {
    Evaluation out;
    std::set<std::string> reasons, warnings, checks, unchecked;
    const auto leaking = leaking_files(models, options.allow_tuned_images, reasons, reporter);
    out.protocol = common_protocol(models, options.mixed_protocols);
    for (const auto& model : models) {
        out.label.push_back(model.label);
        for (const auto& file : model.files) {
            if (file.header().optimistic) reasons.insert(file.header().optimistic_reason);
            const auto& h = file.header();
            for (const auto& text : h.data_warnings) warnings.insert(h.subject + ": " + text);
            for (const auto& text : h.data_checks) checks.insert(h.subject + ": " + text);
            if (h.data_warnings.empty() && h.data_checks.empty()) unchecked.insert(h.subject);
        }
    }
    const auto untuned = [](const ModelFiles& model) { return std::all_of(model.files.begin(), model.files.end(), [](const auto& f) { return f.header().method == "untuned"; }); };
    if (!untuned(models[0]) && std::any_of(models.begin(), models.end(), untuned))
        reporter.warn(fmt::format("the reference is '{}', a tuned model, and an untuned one is compared with it; are the labels swapped?", models[0].label));
    out.optimistic = !reasons.empty();
    out.optimistic_reason = join({reasons.begin(), reasons.end()}, "; ");
    out.data_warnings = {warnings.begin(), warnings.end()};
    out.data_checks = {checks.begin(), checks.end()};
    out.unchecked = {unchecked.begin(), unchecked.end()};
    const auto rois = index_rois(models, reporter);
    for (std::size_t i = 0; i < rois.size(); ++i) {
        check_interrupt();
        std::vector<bool> leaked;
        for (const auto& source : rois[i].second) leaked.push_back(leaking.contains(source.file));
        out.rois.push_back(score_roi(rois[i].first, rois[i].second, leaked, options, reporter));
        reporter.progress("ROIs", static_cast<std::int64_t>(i + 1), static_cast<std::int64_t>(rois.size()));
    }
    if (const auto few = std::count_if(out.rois.begin(), out.rois.end(), [](const auto& r) { return r.few; }); few > 0)
        reporter.warn(fmt::format("{} of {} regions have folds of fewer than {} scored images; their intervals and p mean little", few, out.rois.size(), few_images));
    out.sets = over_regions(out, regions, reporter);
    out.groups = over_subjects(out, options.resample.seed);
    return out;
}

}  // namespace cortune::encode
