// SPDX-License-Identifier: BSD-3-Clause
#include "engine/encode_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/error.hpp"
#include "core/text.hpp"
#include "engine/encode_fit.hpp"
#include "engine/encode_memory.hpp"
#include "engine/inputs.hpp"
#include "nn/backbone.hpp"
#include "nn/device.hpp"
#include "nn/features.hpp"
#include "weights/architecture.hpp"

namespace cortune::engine {
namespace {

using datasets::DatasetFile;
// Scoring a network elsewhere than where it was tuned is a fair question, but never a silent one.
void note_other_rois(const weights::Model& model, const EncodePlan& plan, Reporter& reporter) {
    if (!model.tuned()) return;
    const bool other = std::any_of(plan.rois.begin(), plan.rois.end(), [&](const auto& w) {
        return w.roi.hemisphere != model.hemisphere || w.roi.name != model.roi;
    });
    if (other) reporter.warn(fmt::format("the network was tuned to {} {}; other regions are encoded with it", model.hemisphere, model.roi));
}

}  // namespace

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

    nn::FeatureStore store(images, widths, memory.resident ? features : 0, job.scratch);
    if (store.on_disk()) reporter.info("the features do not fit in --memory and go to " + job.scratch.string());
    const auto start = std::chrono::steady_clock::now();
    nn::extract_features(backbone, layers, data, plan.rows, job.batch, device,
                         [&](std::size_t layer, std::int64_t first, std::int64_t count, const float* values) {
                             store.write(layer, first, count, values);
                         }, reporter);
    reporter.detail(fmt::format("forward pass {:.2f} s", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()));

    const auto encoded = encode_rois(data, plan, store, {}, layers, ridge, reporter);
    encode::EncodingWriter writer(job.run.output, record, job.run.overwrite, plan.header);
    for (const auto& roi : encoded.roi) writer.add(roi);
    if (job.save_weights) save_weights(writer.file().root(), ridge, plan, store, encoded.response, encoded.chosen, reporter);
    writer.commit();
    if (plan.header.optimistic) reporter.warn("the scores are optimistic: " + plan.header.optimistic_reason);
}

}  // namespace cortune::engine
