// SPDX-License-Identifier: BSD-3-Clause
#include "encode/evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/text.hpp"
#include "encode/pairing.hpp"
#include "stats/correlation.hpp"
#include "stats/significance.hpp"
#include "stats/voxelwise.hpp"

namespace cortune::encode {
namespace {

using Eigen::Index;
using Groups = std::vector<std::vector<Index>>;

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

struct Key {
    std::string subject, hemisphere, roi_class, roi;
    auto operator<=>(const Key&) const = default;
    std::string text() const { return fmt::format("{} {} {} {}", subject, hemisphere, roi_class, roi); }
};

std::string counted(std::int64_t n, const char* one, const char* many) {
    return fmt::format("{} {}", n, n == 1 ? one : many);
}

// Files in which scored images tuned the model; throws unless that is allowed.
std::set<const EncodingFile*> tuned_files(const std::vector<ModelFiles>& models, bool allowed,
                                          Reporter& reporter) {
    std::set<const EncodingFile*> out;
    for (const auto& model : models)
        for (const auto& file : model.files) {
            const std::int64_t count = scored_tuned_images(file.header());
            if (count == 0) continue;
            const std::string text = fmt::format("{}: {} of the {} scored images tuned the model",
                                                 file.input().path().string(), count, file.header().image.size());
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

using Places = std::map<Key, RoiSource>;  // of one model

Places places_of(const ModelFiles& model, std::vector<Key>& order) {
    Places out;
    for (const auto& file : model.files)
        for (const auto& path : file.roi_paths()) {
            const h5::Node node = file.input().root().group(path);
            const Key key{file.header().subject, node.attr_string("hemisphere"), node.attr_string("roi_class"),
                          node.attr_string("roi")};
            const auto [known, added] = out.emplace(key, RoiSource{&file, {path}});
            if (!added)
                throw BadInput(fmt::format("{}:/{}: model '{}' has this ROI in {} already", file.input().path().string(), path,
                                           model.label, known->second.where()),
                               "--model LABEL=FILE gives each model a label of its own");
            order.push_back(key);
        }
    return out;
}

// A model's place for a ROI; for a union "A+B" that it lacks, its parts, where one file has
// them all. No file: the model has nothing of the kind.
RoiSource find_source(const Places& places, const Key& key) {
    if (const auto found = places.find(key); found != places.end()) return found->second;
    RoiSource out;
    const auto parts = split(key.roi, '+');
    if (parts.size() < 2) return {};
    for (const auto& part : parts) {
        const auto found = places.find({key.subject, key.hemisphere, key.roi_class, part});
        if (found == places.end() || (out.file && out.file != found->second.file)) return {};
        out.file = found->second.file;
        out.paths.push_back(found->second.paths[0]);
    }
    return out;
}

// ROIs of the first model in order, then the unions of others that it has the parts of;
// with every model's place for them.
std::vector<std::pair<Key, std::vector<RoiSource>>> index_rois(const std::vector<ModelFiles>& models,
                                                               Reporter& reporter) {
    std::vector<Places> places;
    std::vector<Key> order;
    for (std::size_t m = 0; m < models.size(); ++m) {
        std::vector<Key> own;
        places.push_back(places_of(models[m], own));
        std::size_t paired = 0;
        for (const auto& key : own) {
            const bool known = m == 0 || find_source(places[0], key).file != nullptr;
            paired += known;
            if (!known)
                reporter.warn(fmt::format("{}: {} is left out: the first model ({}) does not have it", models[m].label,
                                          key.text(), models[0].label));
            else if (std::find(order.begin(), order.end(), key) == order.end()) order.push_back(key);
        }
        for (std::size_t k = 0; m > 0 && k < order.size(); ++k) paired += find_source(places[m], order[k]).file != nullptr;
        if (paired == 0)
            throw BadInput(fmt::format("model '{}' has no ROI that the first model ({}) has", models[m].label, models[0].label),
                           "cortune-info FILE lists the subject and ROIs of each file");
    }
    std::vector<std::pair<Key, std::vector<RoiSource>>> out;
    for (const auto& key : order) {
        std::vector<RoiSource> sources;
        for (const auto& model : places) sources.push_back(find_source(model, key));
        out.emplace_back(key, std::move(sources));
    }
    return out;
}

struct Compared {
    Groups groups;                 // of the first model
    std::vector<Index> used;       // voxels with an r for every model
};

double median(std::vector<double> values) { return stats::percentile(std::move(values), 0.5); }

double mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double v : values) sum += v;
    return values.empty() ? unknown : sum / static_cast<double>(values.size());
}

void summarise(ModelScores& scores, const RoiScores& roi, const std::vector<Index>& used) {
    std::vector<double> r, r2, share, plain;
    scores.above_ceiling = 0;
    std::int64_t significant = 0;
    for (const Index v : used) {
        const auto i = static_cast<std::size_t>(v);
        r.push_back(static_cast<double>(scores.r[i]));
        r2.push_back(static_cast<double>(scores.r2[i]));
        significant += scores.q[i] <= 0.05;
        if (roi.noise_ceiling.empty() || !std::isfinite(roi.noise_ceiling[i])) continue;
        const double ceiling = static_cast<double>(roi.noise_ceiling[i]);
        share.push_back(std::min(1.0, r2.back() / (ceiling > 0 ? ceiling : 1e-14)));
        if (!(ceiling > 0)) continue;
        plain.push_back(r2.back() / ceiling);
        scores.above_ceiling += plain.back() > 1;
    }
    scores.mean_r = mean(r);
    scores.median_r = median(r);
    scores.mean_r2 = mean(r2);
    scores.share_of_ceiling = mean(share);
    scores.median_share_of_ceiling = median(share);
    scores.mean_r2_over_ceiling = mean(plain);
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
    const std::vector<double> nothing(voxels, unknown);
    model.r = model.r2 = model.r_low = model.r_high = none;
    model.p = model.q = nothing;
    model.difference = model.difference_low = model.difference_high = none;
    model.difference_p = model.difference_q = nothing;
    model.mean_r = model.median_r = model.mean_r2 = model.mean_r_low = model.mean_r_high = unknown;
    model.share_of_ceiling = model.median_share_of_ceiling = model.mean_r2_over_ceiling = unknown;
    model.above_ceiling = 0;
    model.share_significant = unknown;
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
    const auto test = stats::voxel_test(p, y, stats::groups_of(paired.fold[m]), options);
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

RoiScores score_roi(const Key& key, const std::vector<RoiSource>& sources,
                    const std::set<const EncodingFile*>& tuned, const EvaluationOptions& options,
                    Reporter& reporter) {
    const PairedRoi paired = pair_roi(sources, options.common_images);
    RoiScores out{key.subject, key.hemisphere, key.roi_class, key.roi, paired.first.space, paired.first.column, paired.first.vertex,
                  paired.first.noise_ceiling, paired.first.noise_ceiling.empty() ? "none" : paired.first.ceiling_mode, 0, unknown, {}};
    for (std::size_t m = 0; m < sources.size(); ++m) {
        if (sources[m].file) {
            out.models.push_back(score(paired, m, sources[m].file->header(), tuned.contains(sources[m].file)));
        } else {
            out.models.emplace_back();
            clear(out.models.back(), out.vertex.size());
        }
    }
    Compared compared;
    compared.groups = stats::groups_of(paired.fold[0]);
    constexpr std::size_t few = 10;
    if (std::any_of(compared.groups.begin(), compared.groups.end(), [](const auto& g) { return g.size() < few; }))
        reporter.warn(fmt::format("{}: some folds have fewer than {} scored images; intervals and p mean little", key.text(), few));
    for (std::size_t v = 0; v < out.vertex.size(); ++v) {
        bool known = true;
        for (const auto& model : out.models) known &= !model.present || !std::isnan(model.r[v]);
        if (known) compared.used.push_back(static_cast<Index>(v));
    }
    out.voxels = static_cast<std::int64_t>(compared.used.size());
    const auto lost = static_cast<std::int64_t>(out.vertex.size()) - out.voxels;
    if (lost > 0)
        reporter.warn(fmt::format("{}: {} of {} left out (constant or not finite)", key.text(),
                                  counted(lost, "voxel", "voxels"), out.vertex.size()));
    out.ceiling_r = mean_ceiling(out, compared.used);
    for (std::size_t m = 0; m < out.models.size(); ++m) {
        ModelScores& model = out.models[m];
        if (!model.present) continue;
        test_voxels(model, paired, m, compared.used, options.resample);
        summarise(model, out, compared.used);
        if (m == 0) continue;
        if (same_folds(paired, m, sources, options.mixed_protocols))
            compare(model, paired, m, compared, options.resample);
        else
            reporter.warn(fmt::format("{}: '{}' is not compared with the first model: other folds", key.text(),
                                      sources[m].file->header().protocol));
    }
    return out;
}

// Half the width of a 95 % interval is 1.96 standard errors.
double standard_error(double low, double high) { return (high - low) / (2 * 1.959963984540054); }

std::vector<GroupScores> over_subjects(const std::vector<RoiScores>& rois, const stats::ResampleOptions& options) {
    std::vector<GroupScores> out;
    for (const auto& roi : rois)
        for (std::size_t m = 1; m < roi.models.size(); ++m) {
            const auto& model = roi.models[m];
            if (!model.present || std::isnan(model.test.difference)) continue;
            auto group = std::find_if(out.begin(), out.end(), [&](const auto& g) {
                return g.model == m && g.hemisphere == roi.hemisphere && g.roi_class == roi.roi_class && g.roi == roi.roi;
            });
            if (group == out.end()) group = out.insert(out.end(), GroupScores{roi.hemisphere, roi.roi_class, roi.roi, m, {}, {}, {}, {}, {}, false});
            group->subject.push_back(roi.subject);
            group->difference.push_back(model.test.difference);
            group->low.push_back(model.test.low);
            group->high.push_back(model.test.high);
            group->optimistic |= model.optimistic || roi.models[0].optimistic;
        }
    std::erase_if(out, [](const auto& g) { return g.subject.size() < 2; });
    for (auto& g : out) {
        std::vector<double> error;
        for (std::size_t i = 0; i < g.low.size(); ++i) error.push_back(std::max(0.0, standard_error(g.low[i], g.high[i])));
        g.test = stats::group_test(g.difference, error, 100000, options.seed);
    }
    return out;
}

}  // namespace

Evaluation evaluate(const std::vector<ModelFiles>& models, const EvaluationOptions& options,
                    Reporter& reporter) {
    Evaluation out;
    std::set<std::string> reasons, warnings;
    const auto tuned = tuned_files(models, options.allow_tuned_images, reporter);
    if (!tuned.empty()) reasons.insert("scored images tuned the model");
    out.protocol = common_protocol(models, options.mixed_protocols);
    for (const auto& model : models) {
        out.label.push_back(model.label);
        for (const auto& file : model.files) {
            if (file.header().optimistic) reasons.insert(file.header().optimistic_reason);
            for (const auto& text : file.header().data_warnings) warnings.insert(file.header().subject + ": " + text);
        }
    }
    out.optimistic = !reasons.empty();
    out.optimistic_reason = join({reasons.begin(), reasons.end()}, "; ");
    out.data_warnings = {warnings.begin(), warnings.end()};
    const auto rois = index_rois(models, reporter);
    for (std::size_t i = 0; i < rois.size(); ++i) {
        check_interrupt();
        out.rois.push_back(score_roi(rois[i].first, rois[i].second, tuned, options, reporter));
        reporter.progress("ROIs", static_cast<std::int64_t>(i + 1), static_cast<std::int64_t>(rois.size()));
    }
    out.groups = over_subjects(out.rois, options.resample);
    return out;
}

}  // namespace cortune::encode
