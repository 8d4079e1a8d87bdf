// SPDX-License-Identifier: BSD-3-Clause
#include "engine/encode_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/text.hpp"
#include "engine/encode_memory.hpp"
#include "engine/inputs.hpp"
#include "linalg/gram.hpp"
#include "nn/backbone.hpp"
#include "nn/device.hpp"
#include "nn/features.hpp"
#include "weights/architecture.hpp"

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
    Eigen::MatrixXf prediction;  // reported × voxels
};

// Seconds since it was made or last asked.
class Stopwatch {
  public:
    double lap() {
        const auto now = Clock::now();
        const double seconds = std::chrono::duration<double>(now - last_).count();
        last_ = now;
        return seconds;
    }

  private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point last_ = Clock::now();
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
    best.prediction = fit.prediction(Eigen::all, work.at);
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

encode::RoiEncoding as_result(const DatasetFile& data, const EncodePlan& plan, const RoiWork& work, Best&& best,
                              const Eigen::MatrixXf& responses) {
    encode::RoiEncoding out;
    out.hemisphere = work.roi.hemisphere;
    out.roi_class = work.roi.roi_class;
    out.roi = work.roi.name;
    const auto& hemisphere = data.hemisphere(work.roi.hemisphere);
    out.space = hemisphere.space;
    out.ceiling_mode = hemisphere.ceiling_mode;
    std::vector<std::int64_t> scored;
    for (const auto p : plan.reported) scored.push_back(plan.rows[static_cast<std::size_t>(p)]);
    const auto ceiling = data.noise_ceiling(work.roi.hemisphere, scored);
    for (auto c : work.roi.column) {
        out.column.push_back(static_cast<std::int32_t>(c));
        out.vertex.push_back(hemisphere.vertex[static_cast<std::size_t>(c)]);
        if (!ceiling.empty()) out.noise_ceiling.push_back(ceiling[static_cast<std::size_t>(c)]);
    }
    out.cv_r = std::move(best.cv_r);
    out.alpha = std::move(best.alpha);
    out.chosen_layer = best.layer;
    out.prediction = plain(best.prediction);
    out.response = plain(responses(plan.reported, work.at));
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

// Scoring a network elsewhere than where it was tuned is a fair question, but never a silent one.
void note_other_rois(const weights::Model& model, const EncodePlan& plan, Reporter& reporter) {
    if (!model.tuned()) return;
    const bool other = std::any_of(plan.rois.begin(), plan.rois.end(), [&](const auto& w) {
        return w.roi.hemisphere != model.hemisphere || w.roi.name != model.roi;
    });
    if (other) reporter.warn(fmt::format("the network was tuned to {} {}; other regions are encoded with it", model.hemisphere, model.roi));
}

}  // namespace

Eigen::MatrixXd layer_gram(const nn::FeatureStore& store, std::size_t layer) {
    linalg::GramAccumulator gram(store.images(), store.live(layer));
    std::vector<float> panel(static_cast<std::size_t>(store.images() * std::min(nn::panel_width, store.width(layer))));
    for (std::int64_t p = 0; p < store.panels(layer); ++p) {
        check_interrupt();
        store.read_panel(layer, p, panel.data());
        gram.add_panel(panel.data(), store.columns(layer, p));
    }
    return gram.finish();
}

void run_encode(const EncodeJob& job, Reporter& reporter) {
    if (!job.predict.empty()) return run_predict(job, reporter);
    h5::check_target(job.run.output, job.run.overwrite, "encoding");
    h5::Record record = job.run.record;
    const DatasetFile data(job.dataset);
    data.input().register_in(record);
    const weights::Model model = weights::load_network(job.model, record);
    nn::check_image_size(data, model.backbone, model.image_size);
    const torch::Device device = nn::choose_device(job.run.device, job.run.threads);
    nn::describe(record, device);
    nn::Backbone backbone(model.backbone);
    backbone.load(model.parameters, torch::kFloat32, device);
    const auto layers = job.layers.empty() ? weights::architecture(model.backbone).default_taps : job.layers;
    backbone.check_taps(layers);

    EncodePlan plan = plan_encoding(job, data, model, layers, reporter);
    if (h5::is_hdf5(job.model)) plan.header.model_uuid = h5::Input(job.model).uuid();
    note_other_rois(model, plan, reporter);
    const auto images = static_cast<std::int64_t>(plan.rows.size());
    const auto widths = nn::tap_widths(backbone, layers, data.header().image_size, device);
    std::uint64_t features = 0;
    for (auto w : widths) features += sizeof(float) * static_cast<std::uint64_t>(w * images);
    const MemoryPlan memory = plan_memory(plan, features, job.ridge, job.save_weights, memory_budget(job.memory));
    encode::RidgeOptions ridge = job.ridge;
    ridge.decompositions = memory.decompositions;
    const Eigen::MatrixXf y = read_responses(data, plan);

    nn::FeatureStore store(images, widths, memory.resident ? features : 0, job.scratch);
    if (store.on_disk()) reporter.info("the features do not fit in --memory and go to " + job.scratch.string());
    Stopwatch watch;
    nn::extract_features(backbone, layers, data, plan.rows, job.batch, device,
                         [&](std::size_t layer, std::int64_t first, std::int64_t count, const float* values) {
                             store.write(layer, first, count, values);
                         }, reporter);
    reporter.detail(fmt::format("forward pass {:.2f} s", watch.lap()));

    std::vector<Best> best(plan.rois.size());
    for (std::size_t layer = 0; layer < layers.size(); ++layer) {
        watch.lap();
        const Eigen::MatrixXd gram = layer_gram(store, layer);
        reporter.detail(fmt::format("{}: Gram matrix {:.2f} s", layers[layer], watch.lap()));
        // One solve for all hemispheres: they share the images, hence the eigenvectors.
        const auto fit = encode::fit_layer(gram, store.width(layer), plan.sets, y, ridge, reporter);
        for (std::size_t i = 0; i < plan.rois.size(); ++i) take_layer(best[i], plan.rois[i], fit, static_cast<int>(layer));
        reporter.progress("layer", static_cast<std::int64_t>(layer) + 1, static_cast<std::int64_t>(layers.size()));
    }
    note_constant(plan, best, reporter);

    encode::EncodingWriter writer(job.run.output, record, job.run.overwrite, plan.header);
    std::vector<ChosenRoi> chosen;
    for (std::size_t i = 0; i < plan.rois.size(); ++i) {
        const auto& work = plan.rois[i];
        const auto voxels = static_cast<Eigen::Index>(work.at.size());
        chosen.push_back({&work, best[i].layer, Eigen::Map<Eigen::VectorXd>(best[i].alpha.data() + best[i].layer * voxels, voxels)});
        reporter.detail(fmt::format("{} {}: {}, cross-validated r {:.3f}", work.roi.hemisphere, work.roi.name,
                                    layers[static_cast<std::size_t>(best[i].layer)], best[i].mean));
        writer.add(as_result(data, plan, work, std::move(best[i]), y));
    }
    if (job.save_weights) save_weights(writer.file().root(), ridge, plan, store, y, chosen, reporter);
    writer.commit();
    if (plan.header.optimistic) reporter.warn("the scores are optimistic: " + plan.header.optimistic_reason);
}

}  // namespace cortune::engine
