// SPDX-License-Identifier: BSD-3-Clause
#include "engine/encode_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "core/interrupt.hpp"
#include "linalg/gram.hpp"

namespace cortune::engine {
namespace {

using datasets::DatasetFile;
using RowMajorF = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// What is kept of a ROI while the layers go by: everything per layer, predictions of
// the best one so far alone.
struct Best {
    std::vector<float> cv_r;     // layers × voxels
    std::vector<double> alpha;   // layers × voxels
    int layer = -1;
    double mean = -std::numeric_limits<double>::infinity();
    Eigen::MatrixXf scored, folded;  // images × voxels, as in LayerFit
};

double mean_of_finite(const Eigen::VectorXf& values) {
    double sum = 0;
    std::int64_t count = 0;
    for (float v : values)
        if (std::isfinite(v)) sum += static_cast<double>(v), ++count;
    return count > 0 ? sum / static_cast<double>(count) : -std::numeric_limits<double>::infinity();
}

void take_layer(Best& best, const RoiWork& work, const encode::LayerFit& fit, int layer) {
    Eigen::VectorXf r(static_cast<Eigen::Index>(work.at.size()));
    for (std::size_t i = 0; i < work.at.size(); ++i) {
        r[static_cast<Eigen::Index>(i)] = fit.cv_r[work.at[i]];
        best.cv_r.push_back(fit.cv_r[work.at[i]]);
        best.alpha.push_back(fit.alpha[work.at[i]]);
    }
    const double mean = mean_of_finite(r);
    if (best.layer >= 0 && !(mean > best.mean)) return;
    best.layer = layer;
    best.mean = mean;
    best.scored = fit.scored(Eigen::all, work.at);
    best.folded = fit.folded(Eigen::all, work.at);
}

// images × voxels, hemisphere after hemisphere.
Eigen::MatrixXf read_responses(const DatasetFile& data, const EncodePlan& plan) {
    Eigen::MatrixXf out(static_cast<Eigen::Index>(plan.rows.size()), plan.voxels());
    for (const auto& work : plan.hemispheres) {
        const auto values = data.responses(work.name, plan.rows, work.column);
        const auto width = static_cast<Eigen::Index>(work.column.size());
        out.middleCols(work.first, width) = Eigen::Map<const RowMajorF>(values.data(), out.rows(), width);
    }
    return out;
}

// Row-major copy of a matrix's rows.
std::vector<float> plain(const RowMajorF& m) { return {m.data(), m.data() + m.size()}; }

// Of the images at `reported` of the plan.
encode::RoiEncoding as_result(const DatasetFile& data, const EncodePlan& plan, const RoiWork& work, const Best& best, const std::vector<std::int64_t>& reported,
                              const Eigen::MatrixXf& prediction, const Eigen::MatrixXf& responses) {
    encode::RoiEncoding out;
    out.hemisphere = work.roi.hemisphere;
    out.roi_class = work.roi.roi_class;
    out.roi = work.roi.name;
    const auto& hemisphere = data.hemisphere(work.roi.hemisphere);
    out.space = hemisphere.space;
    out.ceiling_mode = hemisphere.ceiling_mode;
    std::vector<std::int64_t> scored;
    for (const auto p : reported) scored.push_back(plan.rows[static_cast<std::size_t>(p)]);
    const auto ceiling = data.noise_ceiling(work.roi.hemisphere, scored);
    for (auto c : work.roi.column) {
        out.column.push_back(static_cast<std::int32_t>(c));
        out.vertex.push_back(hemisphere.vertex[static_cast<std::size_t>(c)]);
        if (!ceiling.empty()) out.noise_ceiling.push_back(ceiling[static_cast<std::size_t>(c)]);
    }
    out.cv_r = best.cv_r;
    out.alpha = best.alpha;
    out.chosen_layer = best.layer;
    out.prediction = plain(prediction);
    out.response = plain(responses(reported, work.at));
    return out;
}

void note_constant(const EncodePlan& plan, const std::vector<Best>& best, Reporter& reporter) {
    for (std::size_t i = 0; i < best.size(); ++i) {
        const auto voxels = plan.rois[i].at.size();
        const auto from = best[i].cv_r.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(best[i].layer) * voxels);
        const auto bad = std::count_if(from, from + static_cast<std::ptrdiff_t>(voxels), [](float r) { return !std::isfinite(r); });
        if (bad > 0)
            reporter.warn(fmt::format("{} {}: {} of {} voxels have no correlation (constant or not finite); they are NaN",
                                      plan.rois[i].roi.hemisphere, plan.rois[i].roi.name, bad, voxels));
    }
}

}  // namespace

Eigen::MatrixXd layer_gram(const nn::FeatureStore& store, std::size_t layer, const std::vector<std::int64_t>& at) {
    const auto images = at.empty() ? store.images() : static_cast<std::int64_t>(at.size());
    linalg::GramAccumulator gram(images, store.live(layer));
    const auto widest = std::min(nn::panel_width, store.width(layer));
    std::vector<float> panel(static_cast<std::size_t>(store.images() * widest)), taken(at.empty() ? 0 : static_cast<std::size_t>(images * widest));
    for (std::int64_t p = 0; p < store.panels(layer); ++p) {
        check_interrupt();
        store.read_panel(layer, p, panel.data());
        const std::int64_t width = store.columns(layer, p);
        for (std::size_t i = 0; i < at.size(); ++i) std::copy_n(panel.data() + at[i] * width, width, taken.data() + static_cast<std::int64_t>(i) * width);
        gram.add_panel(at.empty() ? panel.data() : taken.data(), width);
    }
    return gram.finish();
}

EncodedRois encode_rois(const DatasetFile& data, const EncodePlan& plan, const nn::FeatureStore& store, const std::vector<std::int64_t>& at,
                        const std::vector<std::string>& layers, const encode::RidgeOptions& ridge, Reporter& reporter) {
    EncodedRois out;
    out.response = read_responses(data, plan);
    std::vector<Best> best(plan.rois.size());
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
        const auto start = std::chrono::steady_clock::now();
        const Eigen::MatrixXd gram = layer_gram(store, layer, at);
        reporter.detail(fmt::format("{}: Gram matrix {:.2f} s", layers[layer], std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()));
        // One solve for all hemispheres: they share the images, hence the eigenvectors.
        const auto fit = encode::fit_layer(gram, store.width(layer), plan.sets, out.response, ridge, reporter);
        for (std::size_t i = 0; i < plan.rois.size(); ++i) take_layer(best[i], plan.rois[i], fit, static_cast<int>(layer));
        reporter.progress("layer", static_cast<std::int64_t>(layer) + 1, static_cast<std::int64_t>(layers.size()));
    }
    note_constant(plan, best, reporter);
    for (std::size_t i = 0; i < plan.rois.size(); ++i) {
        const auto& work = plan.rois[i];
        const auto voxels = static_cast<Eigen::Index>(work.at.size());
        out.chosen.push_back({&work, best[i].layer, Eigen::Map<Eigen::VectorXd>(best[i].alpha.data() + best[i].layer * voxels, voxels)});
        reporter.detail(fmt::format("{} {}: {}, cross-validated r {:.3f}", work.roi.hemisphere, work.roi.name, layers[static_cast<std::size_t>(best[i].layer)], best[i].mean));
        const bool held_out = !plan.sets.scored.empty();
        out.roi.push_back(as_result(data, plan, work, best[i], plan.reported, held_out ? best[i].scored : best[i].folded, out.response));
        if (plan.sets.keep_folds) out.folds.push_back(as_result(data, plan, work, best[i], plan.sets.cv, best[i].folded, out.response));
        best[i] = {};
    }
    return out;
}

}  // namespace cortune::engine
