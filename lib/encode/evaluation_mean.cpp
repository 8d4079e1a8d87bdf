// SPDX-License-Identifier: BSD-3-Clause
#include "encode/evaluation_mean.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "core/error.hpp"
#include "core/text.hpp"
#include "encode/evaluation_columns.hpp"

namespace cortune::encode {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

bool same_region(const RoiScores& a, const RoiScores& b) { return a.hemisphere == b.hemisphere && a.roi_class == b.roi_class && a.roi == b.roi; }

bool is_p(std::string_view name) { return name == "p_value" || name == "share_p_value" || name == "share_binomial_p"; }

// Of those that are known.
double mean_of(const std::vector<double>& values) {
    double sum = 0, count = 0;
    for (const double v : values)
        if (!std::isnan(v)) sum += v, ++count;
    return count > 0 ? sum / count : unknown;
}

// Of every one of them, by the field that `at` names.
template <class T, class At>
void average(T& out, const std::vector<const T*>& of, At at) {
    std::vector<double> all;
    for (const T* one : of) all.push_back(at(*one));
    at(out) = mean_of(all);
}

void average_layers(ModelScores& out, const std::vector<const ModelScores*>& of) {
    for (const auto* one : of)
        if (one->layer != out.layer) return out.layer.clear(), out.layer_r.clear();
    for (std::size_t l = 0; l < out.layer.size(); ++l) average(out, of, [l](auto& m) -> auto& { return m.layer_r[l]; });
}

ModelScores mean_model(const std::vector<const ModelScores*>& of, bool p) {
    ModelScores out = *of[0];
    for (const auto* one : of) out.optimistic |= one->optimistic, out.images = std::min(out.images, one->images);
    for (const auto& column : score_columns()) {
        std::vector<double> all;
        for (const auto* one : of) all.push_back(column.of(*one));
        column.at(out) = p && is_p(column.name) ? std::min(1.0, 2 * mean_of(all)) : mean_of(all);
    }
    average_layers(out, of);
    return out;
}

SetScores mean_set(const std::vector<const SetScores*>& of) {
    SetScores out = *of[0];
    std::vector<GainTest> tests;
    for (const auto* one : of) out.optimistic |= one->optimistic, out.rois = std::min(out.rois, one->rois), tests.push_back(one->test);
    average(out, of, [](auto& s) -> auto& { return s.mean_r; });
    average(out, of, [](auto& s) -> auto& { return s.reference_r; });
    out.test = mean_over_seeds(tests);
    return out;
}

// The subjects' combined value of a quantity, where several have it.
const stats::GroupTest* combined(const std::vector<GroupScores>& groups, const RoiScores& roi, std::size_t model, const char* quantity) {
    for (const auto& g : groups)
        if (g.model == model && g.quantity == quantity && g.hemisphere == roi.hemisphere && g.roi_class == roi.roi_class && g.roi == roi.roi) return &g.test;
    return nullptr;
}

void over_subjects_of(ModelScores& out, const std::vector<GroupScores>& groups, const RoiScores& roi, std::size_t model) {
    out.mean_r_low = out.mean_r_high = out.test.low = out.test.high = out.test.p = unknown;
    out.test.share_p = out.test.share_binomial_p = unknown;
    // Value and interval are of one model.
    if (const auto* r = combined(groups, roi, model, "mean_r")) {
        if (!std::isnan(r->estimate)) out.mean_r = r->estimate;
        out.mean_r_low = r->low, out.mean_r_high = r->high;
    }
    if (const auto* d = combined(groups, roi, model, "difference")) {
        if (!std::isnan(d->estimate)) out.test.difference = d->estimate;
        out.test.low = d->low, out.test.high = d->high, out.test.p = d->sign_flip_p;
    }
}

}  // namespace

Evaluation mean_over_seeds(const std::vector<Evaluation>& all) {
    Evaluation out = all.at(0);
    if (all.size() == 1) return out;
    for (const auto& e : all) {
        if (e.label != out.label) throw BadInput(fmt::format("evaluations of other models cannot be averaged: {} and {}", join(out.label), join(e.label)));
        if (e.protocol != out.protocol) throw BadInput(fmt::format("evaluations of protocols {} and {} cannot be averaged", out.protocol, e.protocol));
        if (e.optimistic && !out.optimistic) out.optimistic = true, out.optimistic_reason = e.optimistic_reason;
    }
    out.rois.clear(), out.sets.clear();
    for (const auto& first : all[0].rois) {
        std::vector<const RoiScores*> same;
        for (const auto& e : all)
            for (const auto& r : e.rois)
                if (r.subject == first.subject && same_region(r, first)) same.push_back(&r);
        if (same.size() != all.size()) continue;
        RoiScores mean = first;
        for (std::size_t m = 0; m < out.label.size(); ++m) {
            std::vector<const ModelScores*> models;
            for (const auto* r : same)
                if (r->models[m].present) models.push_back(&r->models[m]);
            mean.models[m].present = models.size() == all.size();
            if (mean.models[m].present) mean.models[m] = mean_model(models, true);
        }
        out.rois.push_back(std::move(mean));
    }
    for (const auto& first : all[0].sets) {
        std::vector<const SetScores*> same;
        for (const auto& e : all)
            for (const auto& s : e.sets)
                if (s.subject == first.subject && s.set == first.set && s.model == first.model) same.push_back(&s);
        if (same.size() == all.size()) out.sets.push_back(mean_set(same));
    }
    return out;
}

Evaluation mean_over_subjects(const Evaluation& e, std::uint64_t seed) {
    Evaluation out = e;
    out.rois.clear();
    const auto groups = over_subjects(e, seed);
    for (const auto& first : e.rois) {
        if (std::any_of(out.rois.begin(), out.rois.end(), [&](const auto& r) { return same_region(r, first); })) continue;
        RoiScores mean = first;
        mean.subject.clear();
        std::vector<double> ceiling;
        for (const auto& r : e.rois)
            if (same_region(r, first)) ceiling.push_back(r.ceiling_r);
        mean.ceiling_r = mean_of(ceiling);
        for (std::size_t m = 0; m < out.label.size(); ++m) {
            std::vector<const ModelScores*> models;
            for (const auto& r : e.rois)
                if (same_region(r, first) && r.models[m].present) models.push_back(&r.models[m]);
            if (models.empty()) continue;
            mean.models[m] = mean_model(models, false);
            if (models.size() < 2) continue;
            over_subjects_of(mean.models[m], groups, mean, m);
            std::vector<double> excess;
            for (const auto* one : models)
                if (!std::isnan(one->test.share_improved)) {
                    const bool same = one->test.share_improved == 0 && one->test.difference == 0;  // predictions equal those of the reference
                    excess.push_back(same ? 0 : one->test.share_improved - 0.5);
                }
            mean.models[m].test.share_p = stats::group_test(excess, std::vector<double>(excess.size(), unknown)).sign_flip_p;
        }
        out.rois.push_back(std::move(mean));
    }
    return out;
}

}  // namespace cortune::encode
