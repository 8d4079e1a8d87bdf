// SPDX-License-Identifier: BSD-3-Clause
#include "engine/encode_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/error.hpp"
#include "core/text.hpp"
#include "engine/inputs.hpp"

namespace cortune::engine {
namespace {

using datasets::DatasetFile;
using datasets::Roi;
using datasets::Split;

std::vector<Roi> choose_rois(const EncodeJob& job, const DatasetFile& data, const weights::Model& model,
                             Reporter& reporter) {
    std::vector<Roi> chosen;
    if (!job.rois.empty()) {
        for (const auto& r : job.rois) {
            if (!model.tuned() && (r.hemisphere.empty() || r.roi.empty()))
                throw UsageError(r.roi.empty() ? "--hemi needs --roi" : "--roi needs --hemi", "only a tuned model says what is left open");
            const bool own_class = r.roi.empty() && r.roi_class.empty();
            chosen.push_back(data.roi(r.hemisphere.empty() ? model.hemisphere : r.hemisphere, own_class ? model.roi_class : r.roi_class,
                                      r.roi.empty() ? model.roi : r.roi));
        }
    } else if (model.tuned() && !job.all_rois) {
        // What the model was tuned to is wanted, however small.
        return {data.roi(model.hemisphere, model.roi_class, model.roi)};
    } else {
        std::vector<std::string> small;
        for (auto& roi : data.rois()) {
            if (static_cast<int>(roi.column.size()) >= job.min_voxels) chosen.push_back(std::move(roi));
            else small.push_back(fmt::format("{} {} ({})", roi.hemisphere, roi.name, roi.column.size()));
        }
        if (!small.empty())
            reporter.warn(fmt::format("left out, fewer than {} voxels: {}", job.min_voxels, join(small)));
        if (chosen.empty())
            throw BadInput(fmt::format("{}: no ROI has {} voxels", data.where(), job.min_voxels), "a smaller --min-voxels admits it");
        return chosen;
    }
    for (const auto& roi : chosen)
        if (static_cast<int>(roi.column.size()) < job.min_voxels)
            throw BadInput(fmt::format("{}: {} of {} has {} voxels, fewer than {}", data.where(), roi.name, roi.hemisphere,
                                       roi.column.size(), job.min_voxels),
                           "a smaller --min-voxels admits it");
    return chosen;
}

void lay_out(EncodePlan& plan, std::vector<Roi> rois) {
    for (auto& roi : rois) {
        auto at = std::find_if(plan.hemispheres.begin(), plan.hemispheres.end(),
                               [&](const auto& h) { return h.name == roi.hemisphere; });
        if (at == plan.hemispheres.end()) at = plan.hemispheres.insert(at, {roi.hemisphere, {}, 0});
        at->column.insert(at->column.end(), roi.column.begin(), roi.column.end());
        plan.rois.push_back({std::move(roi), static_cast<std::size_t>(at - plan.hemispheres.begin()), {}});
    }
    Eigen::Index first = 0;
    for (auto& h : plan.hemispheres) {
        std::sort(h.column.begin(), h.column.end());
        h.column.erase(std::unique(h.column.begin(), h.column.end()), h.column.end());
        h.first = first;
        first += static_cast<Eigen::Index>(h.column.size());
    }
    for (auto& work : plan.rois) {
        const auto& h = plan.hemispheres[work.hemisphere];
        for (auto c : work.roi.column)
            work.at.push_back(h.first + (std::lower_bound(h.column.begin(), h.column.end(), c) - h.column.begin()));
    }
}

std::vector<std::int64_t> scored_rows(const EncodeJob& job, const DatasetFile& data) {
    const Split split = job.score_official_test ? Split::official_test : Split::test;
    auto rows = data.rows(split);
    if (rows.empty())
        throw BadInput(fmt::format("{}:/split: no image is in the split '{}'", data.where(),
                                   datasets::split_names[static_cast<int>(split)]),
                       job.score_official_test ? "leave --score out: these data have no official test images with responses"
                                               : "extract with another --test-share or --split-seed");
    return rows;
}

void choose_images(EncodePlan& plan, const EncodeJob& job, const DatasetFile& data, const weights::Model& model) {
    const bool held_out = job.protocol == encode::Protocol::held_out;
    const auto cv = job.protocol == encode::Protocol::paper ? scored_rows(job, data) : data.rows(Split::train);
    auto scored = held_out ? scored_rows(job, data) : std::vector<std::int64_t>{};
    if (job.leave_out_tuned) {
        const auto tuned = encode::mark_tuned(data.images().id, data.images().sha256, model.tuned_image, model.tuned_sha256);
        std::erase_if(scored, [&](auto row) { return tuned[static_cast<std::size_t>(row)] != 0; });
    }
    plan.rows = cv;
    plan.rows.insert(plan.rows.end(), scored.begin(), scored.end());
    std::sort(plan.rows.begin(), plan.rows.end());
    const auto position = [&](std::int64_t row) {
        return std::lower_bound(plan.rows.begin(), plan.rows.end(), row) - plan.rows.begin();
    };
    plan.sets.folds = job.folds;
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(job.folds), 0);
    std::vector<std::string> ids, sha256;
    for (auto r : cv) {
        ids.push_back(data.images().id[static_cast<std::size_t>(r)]);
        sha256.push_back(data.images().sha256[static_cast<std::size_t>(r)]);
    }
    const auto drawn = datasets::side_ids(ids, sha256);
    for (std::size_t i = 0; i < cv.size(); ++i) {
        const int fold = datasets::fold_of(drawn[i], job.fold_seed, job.folds);
        plan.sets.cv.push_back(position(cv[i]));
        plan.sets.fold.push_back(fold);
        ++sizes[static_cast<std::size_t>(fold)];
    }
    for (auto r : scored) plan.sets.scored.push_back(position(r));
    if (cv.empty()) throw BadInput(fmt::format("{}: it has no training images", data.where()), "extract with a smaller --test-share");
    constexpr std::size_t least = 3;  // of a correlation that is not always 1
    if (held_out && scored.size() < least)
        throw BadInput(fmt::format("{}: {} images to be scored are too few for a correlation", data.where(), scored.size()), "extract with a larger --test-share");
    if (*std::min_element(sizes.begin(), sizes.end()) < 2)
        throw BadInput(fmt::format("{}: of {} images one of {} folds has {}, fewer than 2", data.where(), cv.size(), job.folds,
                                   *std::min_element(sizes.begin(), sizes.end())),
                       "fewer --folds, another --fold-seed, or more images");
    plan.reported = held_out ? plan.sets.scored : plan.sets.cv;
    for (std::size_t i = 0; i < plan.reported.size(); ++i)
        plan.header.fold.push_back(held_out ? std::int16_t{-1} : static_cast<std::int16_t>(plan.sets.fold[i]));
}

// Pictures that are scored and, under another id, fitted on.
std::int64_t count_twins(const EncodePlan& plan, const DatasetFile& data) {
    std::set<std::string> fitted;
    for (auto p : plan.sets.cv) fitted.insert(data.images().sha256[static_cast<std::size_t>(plan.rows[static_cast<std::size_t>(p)])]);
    std::int64_t twins = 0;
    if (!plan.sets.scored.empty())
        for (const auto& sha : plan.header.image_sha256) twins += fitted.contains(sha);
    return twins;
}

void judge_honesty(EncodePlan& plan, const EncodeJob& job, const DatasetFile& data, const weights::Model& model, const std::string& hint) {
    auto& h = plan.header;
    std::vector<std::string> reasons;
    if (const auto reason = encode::optimistic_reason(job.protocol, model.tuned()); !reason.empty()) reasons.push_back(reason);
    const auto tuned = encode::count_tuned(h.image, h.image_sha256, model.tuned_image, model.tuned_sha256);
    const auto twins = count_twins(plan, data);
    if (tuned > 0 && !job.allow_tuned_images)
        throw BadInput(fmt::format("{}: {} of the {} images to be scored tuned {}", data.where(), tuned, h.image.size(),
                                   job.model.string()), hint);
    if (twins > 0 && !job.allow_tuned_images)
        throw BadInput(fmt::format("{}: {} of the {} images to be scored are among the fitting images under another id",
                                   data.where(), twins, h.image.size()),
                       "one picture has two ids here: leave one out, or put both on one side with nsd-extract --test-list; " + hint);
    if (tuned > 0) reasons.push_back(fmt::format("{} of {} scored images tuned the network", tuned, h.image.size()));
    if (twins > 0) reasons.push_back(fmt::format("{} scored images are among the fitting images", twins));
    h.optimistic = !reasons.empty();
    h.optimistic_reason = join(reasons, "; ");
}

}  // namespace

Eigen::Index EncodePlan::voxels() const {
    return hemispheres.empty() ? 0 : hemispheres.back().first + static_cast<Eigen::Index>(hemispheres.back().column.size());
}

EncodePlan plan_encoding(const EncodeJob& job, const DatasetFile& data, const weights::Model& model,
                         const std::vector<std::string>& layers, Reporter& reporter, const std::string& admit) {
    EncodePlan plan;
    lay_out(plan, choose_rois(job, data, model, reporter));
    choose_images(plan, job, data, model);
    auto& h = plan.header;
    h.subject = data.header().subject;
    h.data_warnings = data.warnings();
    h.data_checks = data.passed_checks();
    if (model.tuned()) h.tuned_to = fmt::format("{} {} {}", join(model.subjects, "+"), model.hemisphere, model.roi);
    if (model.tuned() && std::find(model.subjects.begin(), model.subjects.end(), h.subject) == model.subjects.end())
        reporter.warn(fmt::format("{} was tuned to {}; what is encoded is {}", job.model.string(), join(model.subjects), h.subject));
    h.dataset_uuid = data.input().uuid();
    h.model_sha256 = weights::parameters_sha256(model.parameters);
    h.backbone = model.backbone;
    h.method = model.method;
    h.protocol = encode::protocol_name(job.protocol);
    h.layer = layers;
    h.alpha_grid = job.ridge.alphas;
    for (auto p : plan.reported) {
        const auto row = static_cast<std::size_t>(plan.rows[static_cast<std::size_t>(p)]);
        h.image.push_back(data.images().id[row]);
        h.image_sha256.push_back(data.images().sha256[row]);
        if (!data.images().run.empty()) h.run.push_back(data.images().run[row]);
    }
    for (auto p : plan.sets.cv) {
        const auto row = static_cast<std::size_t>(plan.rows[static_cast<std::size_t>(p)]);
        h.fitted_image.push_back(data.images().id[row]);
        h.fitted_sha256.push_back(data.images().sha256[row]);
    }
    h.tuned_image = model.tuned_image;
    h.tuned_sha256 = model.tuned_sha256;
    judge_honesty(plan, job, data, model, admit);
    return plan;
}

}  // namespace cortune::engine
