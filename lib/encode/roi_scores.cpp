// SPDX-License-Identifier: BSD-3-Clause
#include "encode/roi_scores.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "core/error.hpp"
#include "stats/correlation.hpp"
#include "stats/significance.hpp"
#include "stats/voxelwise.hpp"

namespace cortune::encode {
namespace {

using Eigen::Index;
using Groups = std::vector<std::vector<Index>>;

constexpr double no_score = std::numeric_limits<double>::quiet_NaN();

std::string counted(std::int64_t n, const char* one, const char* many) {
    return fmt::format("{} {}", n, n == 1 ? one : many);
}

struct Compared {
    Groups groups;                 // of the first model
    std::vector<Index> used;       // voxels with an r for every model
};

double median(std::vector<double> values) { return stats::percentile(std::move(values), 0.5); }

double mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double v : values) sum += v;
    return values.empty() ? no_score : sum / static_cast<double>(values.size());
}

void summarise(ModelScores& scores, const RoiScores& roi, const std::vector<Index>& used) {
    std::vector<double> r, r2, share, challenge;
    scores.above_ceiling = 0;
    std::int64_t significant = 0;
    for (const Index v : used) {
        const auto i = static_cast<std::size_t>(v);
        r.push_back(static_cast<double>(scores.r[i]));
        r2.push_back(static_cast<double>(scores.r2[i]));
        significant += scores.q[i] <= 0.05;
        if (roi.noise_ceiling.empty() || !std::isfinite(roi.noise_ceiling[i])) continue;
        const double ceiling = static_cast<double>(roi.noise_ceiling[i]);
        challenge.push_back(std::min(1.0, r2.back() / (ceiling > 0 ? ceiling : 1e-14)));
        scores.above_ceiling += r2.back() > ceiling;
        if (ceiling > 0) share.push_back(r2.back() / ceiling);
    }
    scores.mean_r = mean(r);
    scores.median_r = median(r);
    scores.mean_r2 = mean(r2);
    scores.share_of_ceiling = mean(share);
    scores.median_share_of_ceiling = median(share);
    scores.challenge_score = mean(challenge);
    scores.median_challenge_score = median(challenge);
    if (!used.empty()) scores.share_significant = static_cast<double>(significant) / static_cast<double>(used.size());
}

double mean_ceiling(const RoiScores& roi, const std::vector<Index>& used) {
    std::vector<double> values;
    if (!roi.noise_ceiling.empty())
        for (const Index v : used) {
            const double share = static_cast<double>(roi.noise_ceiling[static_cast<std::size_t>(v)]);
            if (std::isfinite(share)) values.push_back(std::sqrt(std::max(0.0, share)));
        }
    return mean(values);
}

void compare(ModelScores& model, const PairedRoi& paired, std::size_t m,
             const Compared& compared, const stats::ResampleOptions& options) {
    const Eigen::MatrixXf p = paired.prediction[0](Eigen::all, compared.used),
                          q = paired.prediction[m](Eigen::all, compared.used),
                          y = paired.response(Eigen::all, compared.used);
    model.test = stats::paired_test(p, q, y, compared.groups, options);
    const auto adjusted = stats::benjamini_hochberg(model.test.voxel_p);
    for (std::size_t i = 0; i < compared.used.size(); ++i) {
        const auto v = static_cast<std::size_t>(compared.used[i]);
        model.difference[v] = model.test.voxel_difference[i];
        model.difference_low[v] = model.test.voxel_low[i];
        model.difference_high[v] = model.test.voxel_high[i];
        model.difference_p[v] = model.test.voxel_p[i];
        model.difference_q[v] = adjusted[i];
    }
}

// Everything of a model in a ROI is unknown until it is computed.
void clear(ModelScores& model, std::size_t voxels) {
    const std::vector<float> none(voxels, std::numeric_limits<float>::quiet_NaN());
    const std::vector<double> nothing(voxels, no_score);
    model.r = model.r2 = model.r_low = model.r_high = none;
    model.p = model.q = nothing;
    model.difference = model.difference_low = model.difference_high = none;
    model.difference_p = model.difference_q = nothing;
    model.mean_r = model.median_r = model.mean_r2 = model.mean_r_low = model.mean_r_high = no_score;
    model.share_of_ceiling = model.median_share_of_ceiling = model.challenge_score = model.median_challenge_score = no_score;
    model.above_ceiling = 0;
    model.share_significant = no_score;
    model.test = stats::PairedTest::unknown();
}

ModelScores score(const PairedRoi& paired, std::size_t m, const EncodingHeader& header, bool tuned) {
    ModelScores out;
    clear(out, paired.first.vertex.size());
    out.present = true;
    out.images = paired.response.rows();
    out.protocol = header.protocol;
    out.optimistic = header.optimistic || tuned;
    const auto groups = stats::groups_of(paired.fold[m]);
    const Eigen::VectorXd r = stats::grouped_pearson(paired.prediction[m], paired.response, groups);
    for (std::size_t v = 0; v < out.r.size(); ++v) {
        const double value = r(static_cast<Index>(v));
        out.r[v] = static_cast<float>(value);
        out.r2[v] = static_cast<float>(value > 0 ? value * value : value * 0);  // keeps NaN
    }
    out.layer_r = paired.layer_r[m];
    if (!out.layer_r.empty()) out.layer = header.layer;
    return out;
}

// Intervals and p of the voxels that are used, so that they belong to the means beside them.
void test_voxels(ModelScores& model, const PairedRoi& paired, std::size_t m, const std::vector<Index>& used,
                 const stats::ResampleOptions& options) {
    const Eigen::MatrixXf p = paired.prediction[m](Eigen::all, used), y = paired.response(Eigen::all, used);
    const auto test = stats::voxel_test(p, y, stats::groups_of(paired.fold[m]), paired.run, options);
    const auto adjusted = stats::benjamini_hochberg(test.p);
    model.mean_r_low = test.mean_low;
    model.mean_r_high = test.mean_high;
    for (std::size_t i = 0; i < used.size(); ++i) {
        const auto v = static_cast<std::size_t>(used[i]);
        model.p[v] = test.p[i];
        model.q[v] = adjusted[i];
        model.r_low[v] = test.low[i];
        model.r_high[v] = test.high[i];
    }
}

bool same_folds(const PairedRoi& paired, std::size_t m, const std::vector<RoiSource>& sources, bool mixed) {
    if (paired.fold[m] == paired.fold[0]) return true;
    if (!mixed)
        throw BadInput(fmt::format("{}:/fold: images are in other folds than in {}",
                                   sources[m].file->input().path().string(),
                                   sources[0].file->input().path().string()),
                       "encode both models with the same seed and number of folds");
    return false;
}

// Images that share their run with no other scored image stay where they are.
void say_runs(const PairedRoi& paired, const Groups& groups, const RoiKey& key, Reporter& reporter) {
    std::map<std::pair<std::size_t, std::int32_t>, std::int64_t> size;
    for (std::size_t g = 0; g < groups.size(); ++g)
        for (const Index i : groups[g]) ++size[{g, paired.run[static_cast<std::size_t>(i)]}];
    const auto alone = std::count_if(size.begin(), size.end(), [](const auto& s) { return s.second == 1; });
    if (2 * alone > paired.response.rows())
        reporter.warn(fmt::format("{}: {} of {} scored images have no other of their run beside them, and images change places inside runs "
                                  "alone; p tells little (--across-runs lets them)", key.text(), alone, paired.response.rows()));
}

}  // namespace

RoiScores score_roi(const RoiKey& key, const std::vector<RoiSource>& sources,
                    const std::vector<bool>& tuned,
                    const EvaluationOptions& options, Reporter& reporter) {
    PairedRoi paired = pair_roi(sources, options.common_images);
    if (options.across_runs) paired.run.clear();
    RoiScores out{key.subject, key.hemisphere, key.roi_class, key.roi, paired.first.space, paired.first.column, paired.first.vertex,
                  paired.first.noise_ceiling, paired.first.noise_ceiling.empty() ? "none" : paired.first.ceiling_mode, paired.images,
                  static_cast<std::int64_t>(std::set(paired.run.begin(), paired.run.end()).size()), 0, no_score, {}};
    for (std::size_t m = 0; m < sources.size(); ++m) {
        if (sources[m].file) {
            out.models.push_back(score(paired, m, sources[m].file->header(), tuned[m]));
        } else {
            out.models.emplace_back();
            clear(out.models.back(), out.vertex.size());
        }
    }
    Compared compared;
    compared.groups = stats::groups_of(paired.fold[0]);
    if (!paired.run.empty()) say_runs(paired, compared.groups, key, reporter);
    out.few = std::any_of(compared.groups.begin(), compared.groups.end(), [](const auto& g) { return g.size() < few_images; });
    for (std::size_t v = 0; v < out.vertex.size(); ++v) {
        bool known = true;
        for (const auto& model : out.models) known &= !model.present || !std::isnan(model.r[v]);
        if (known) compared.used.push_back(static_cast<Index>(v));
    }
    out.voxels = static_cast<std::int64_t>(compared.used.size());
    const auto lost = static_cast<std::int64_t>(out.vertex.size()) - out.voxels;
    if (lost > 0)
        reporter.warn(fmt::format("{}: {} of {} left out ({})", key.text(),
                                  counted(lost, "voxel", "voxels"), out.vertex.size(),
                                  paired.response.array().isNaN().all() ? "none of these images' responses was measured" : "constant or not finite"));
    out.ceiling_r = mean_ceiling(out, compared.used);
    for (std::size_t m = 0; m < out.models.size(); ++m) {
        ModelScores& model = out.models[m];
        if (!model.present) continue;
        if (options.voxel_tests) test_voxels(model, paired, m, compared.used, options.resample);
        summarise(model, out, compared.used);
        if (m == 0) continue;
        model.optimistic |= out.models[0].optimistic;
        if (same_folds(paired, m, sources, options.mixed_protocols))
            compare(model, paired, m, compared, options.resample);
        else
            reporter.warn(fmt::format("{}: '{}' is not compared with the first model: other folds", key.text(),
                                      sources[m].file->header().protocol));
    }
    return out;
}

}  // namespace cortune::encode
