// SPDX-License-Identifier: BSD-3-Clause
#include "engine/encode_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>

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

// One protocol of a run and the file that it is for.
struct Part {
    EncodePlan plan;
    std::filesystem::path output;
    std::vector<std::int64_t> at;  // of the plan's images in the store; empty: its own place
    std::size_t solved_by = 0;     // its own place; train-cv beside held-out: that one's, whose folds it takes
};

std::vector<AlsoEncode> wanted_parts(const EncodeJob& job) {
    std::vector<AlsoEncode> out = {{job.protocol, job.run.output}};
    out.insert(out.end(), job.also.begin(), job.also.end());
    return out;
}

std::vector<Part> plan_parts(const EncodeJob& job, const DatasetFile& data, const weights::Model& model, const std::vector<std::string>& layers, Reporter& reporter) {
    const auto wanted = wanted_parts(job);
    std::vector<Part> out(wanted.size());
    const auto place = [&](encode::Protocol protocol) {
        return static_cast<std::size_t>(std::find_if(wanted.begin(), wanted.end(), [&](const auto& w) { return w.protocol == protocol; }) - wanted.begin());
    };
    const auto held_out = place(encode::Protocol::held_out), folds = place(encode::Protocol::train_cv);
    Reporter silent;  // what the first plan has said
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        EncodeJob one = job;
        one.protocol = wanted[i].protocol;
        // Where train-cv is among others, it alone is what the permission is for.
        std::string admit = admits_tuned;
        if (folds < wanted.size() && i != folds && one.allow_tuned_images) {
            one.allow_tuned_images = false;
            admit = fmt::format("beside train-cv that option is for train-cv alone: make {} in a run of its own", encode::protocol_name(one.protocol));
        }
        out[i].output = wanted[i].output;
        out[i].solved_by = i;
        out[i].plan = plan_encoding(one, data, model, layers, i == 0 ? reporter : silent, admit);
        if (h5::is_hdf5(job.model)) out[i].plan.header.model_uuid = h5::Input(job.model).uuid();
    }
    if (held_out < out.size() && folds < out.size()) {
        out[held_out].plan.sets.keep_folds = true;
        out[folds].solved_by = held_out;
    }
    return out;
}

// All images that a part needs, ascending, and where each part finds its own.
std::vector<std::int64_t> share_rows(std::vector<Part>& parts) {
    std::set<std::int64_t> all;
    for (const Part& part : parts) all.insert(part.plan.rows.begin(), part.plan.rows.end());
    const std::vector<std::int64_t> out(all.begin(), all.end());
    for (Part& part : parts) {
        if (part.plan.rows == out) continue;
        for (const auto row : part.plan.rows) part.at.push_back(std::lower_bound(out.begin(), out.end(), row) - out.begin());
    }
    return out;
}

// Bytes of results that wait until all parts are solved.
std::uint64_t waiting_bytes(const std::vector<Part>& parts) {
    std::uint64_t out = 0;
    for (const Part& part : parts) {
        out += sizeof(float) * part.plan.rows.size() * static_cast<std::uint64_t>(part.plan.voxels());
        for (const auto& roi : part.plan.rois) out += 2 * sizeof(float) * roi.at.size() * part.plan.reported.size();
    }
    return parts.size() > 1 ? out : 0;
}

std::string summary(const Part& part) {
    const auto& rois = part.plan.rois;
    const std::string what = rois.size() == 1 ? fmt::format("{} {}", rois[0].roi.hemisphere, rois[0].roi.name) : fmt::format("{} ROIs", rois.size());
    return fmt::format("{}: {}, {}, {} voxels, {} scored images", part.output.string(), part.plan.header.protocol, what, part.plan.voxels(), part.plan.reported.size());
}

// Every file is whole before the first is given its name.
void write_parts(const EncodeJob& job, const h5::Record& record, const std::vector<Part>& parts, const DatasetFile& data, const nn::FeatureStore& store,
                 const std::vector<std::string>& layers, const encode::RidgeOptions& ridge, Reporter& reporter) {
    std::vector<EncodedRois> encoded(parts.size());
    for (std::size_t p = 0; p < parts.size(); ++p)
        if (parts[p].solved_by == p) encoded[p] = encode_rois(data, parts[p].plan, store, parts[p].at, layers, ridge, reporter);
    std::vector<std::unique_ptr<encode::EncodingWriter>> writers;
    for (std::size_t p = 0; p < parts.size(); ++p) {
        writers.push_back(std::make_unique<encode::EncodingWriter>(parts[p].output, record, job.run.overwrite, parts[p].plan.header));
        const std::size_t by = parts[p].solved_by;
        for (const auto& roi : by == p ? encoded[p].roi : encoded[by].folds) writers[p]->add(roi);
        // Fitted on the same images, train-cv's weights are held-out's.
        if (p == 0 && job.save_weights)
            save_weights(writers[p]->file().root(), ridge, parts[by].plan, store, parts[by].at, encoded[by].response, encoded[by].chosen, reporter);
    }
    for (const auto& writer : writers) writer->finish();
    for (const auto& writer : writers) writer->commit();
    for (const Part& part : parts) reporter.info(summary(part));
    for (const Part& part : parts)
        if (part.plan.header.optimistic)
            reporter.warn((parts.size() > 1 ? part.output.string() + ": " : "") + "the scores are optimistic: " + part.plan.header.optimistic_reason);
}

}  // namespace

void run_encode(const EncodeJob& job, Reporter& reporter) {
    if (!job.predict.images.empty()) return run_predict(job, reporter);
    for (const auto& part : wanted_parts(job)) h5::check_target(part.output, job.run.overwrite, "encoding");
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

    std::vector<Part> parts = plan_parts(job, data, model, layers, reporter);
    note_other_rois(model, parts[0].plan, reporter);
    const std::vector<std::int64_t> rows = share_rows(parts);
    const auto images = static_cast<std::int64_t>(rows.size());
    const auto widths = nn::tap_widths(backbone, layers, data.header().image_size, device);
    std::uint64_t features = 0;
    for (auto w : widths) features += sizeof(float) * static_cast<std::uint64_t>(w * images);
    std::vector<const EncodePlan*> plans;
    for (std::size_t p = 0; p < parts.size(); ++p)
        if (parts[p].solved_by == p) plans.push_back(&parts[p].plan);
    const std::uint64_t budget = memory_budget(job.memory), waiting = waiting_bytes(parts);
    const MemoryPlan memory = plan_memory(plans, images, features, job.ridge, job.save_weights, budget - std::min(budget, waiting));
    encode::RidgeOptions ridge = job.ridge;
    ridge.decompositions = memory.decompositions;

    nn::FeatureStore store(images, widths, memory.resident ? features : 0, job.scratch);
    if (store.on_disk()) reporter.info("the features do not fit in --memory and go to " + job.scratch.string());
    const auto start = std::chrono::steady_clock::now();
    nn::extract_features(backbone, layers, data, rows, job.batch, device,
                         [&](std::size_t layer, std::int64_t first, std::int64_t count, const float* values) {
                             store.write(layer, first, count, values);
                         }, reporter);
    reporter.detail(fmt::format("forward pass {:.2f} s", std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()));
    write_parts(job, record, parts, data, store, layers, ridge, reporter);
}

}  // namespace cortune::engine
