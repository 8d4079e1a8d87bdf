// SPDX-License-Identifier: BSD-3-Clause
#include "engine/encode_many.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <unordered_map>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "engine/encode_fit.hpp"
#include "engine/encode_memory.hpp"
#include "engine/inputs.hpp"
#include "nn/backbone.hpp"
#include "nn/device.hpp"
#include "nn/features.hpp"
#include "nn/preprocess.hpp"
#include "weights/architecture.hpp"

namespace cortune::engine {
namespace {

using datasets::DatasetFile;

// Of many encodings only what went wrong is said.
class Warnings : public Reporter {
  public:
    explicit Warnings(Reporter& to) : to_(to) {}
    void warn(const std::string& text) override { to_.warn(text); }

  private:
    Reporter& to_;
};

// One data set of a pass: its regions, solved together, and where its images are in the store.
struct Work {
    std::unique_ptr<const DatasetFile> data;
    std::vector<const EncodeTarget*> targets;  // parallel to the plan's ROIs
    EncodePlan plan;
    std::vector<std::int64_t> own;             // rows whose features come from this file
    std::int64_t first = 0;                    // of them in the store
    std::vector<std::int64_t> at;              // of the plan's images in the store
};

std::vector<Work> group_targets(const EncodeManyJob& job, const EncodePass& pass, const weights::Model& model, const std::vector<std::string>& layers) {
    std::vector<Work> out;
    for (const auto& target : pass.targets) {
        auto found = std::find_if(out.begin(), out.end(), [&](const Work& w) { return w.targets[0]->dataset == target.dataset; });
        if (found == out.end()) {
            found = out.insert(found, Work{std::make_unique<const DatasetFile>(target.dataset), {}, {}, {}, 0, {}});
            found->data->input().verify();  // before hours of work
        }
        found->targets.push_back(&target);
    }
    Reporter silent;  // what is tuned to whom is the point here
    for (Work& w : out) {
        EncodeJob one;
        static_cast<EncodeSettings&>(one) = job;
        one.run = job.run;
        one.dataset = w.data->where();
        one.model = pass.model;
        for (const auto* t : w.targets) one.rois.push_back(t->roi);
        one.leave_out_tuned = true;
        nn::check_image_size(*w.data, model.backbone, model.image_size);
        w.plan = plan_encoding(one, *w.data, model, layers, silent);
        if (h5::is_hdf5(pass.model)) w.plan.header.model_uuid = h5::Input(pass.model).uuid();
    }
    return out;
}

// Every picture once, from the first data set that has it. Returns how many there are.
std::int64_t share_pictures(std::vector<Work>& work) {
    std::unordered_map<std::string, std::int64_t> place;
    std::int64_t count = 0;
    for (Work& w : work) {
        w.first = count;
        for (const auto row : w.plan.rows) {
            const auto [known, added] = place.try_emplace(w.data->images().sha256[static_cast<std::size_t>(row)], count);
            if (added) w.own.push_back(row), ++count;
            w.at.push_back(known->second);
        }
    }
    return count;
}

void write(const EncodeManyJob& job, h5::Record record, const Work& w, EncodedRois encoded) {
    w.data->input().register_in(record);
    for (std::size_t i = 0; i < w.targets.size(); ++i) {
        encode::EncodingWriter writer(w.targets[i]->output, record, job.run.overwrite, w.plan.header);
        writer.add(encoded.roi[i]);
        writer.commit();
    }
}

void run_pass(const EncodeManyJob& job, const EncodePass& pass, torch::Device device, Reporter& reporter) {
    h5::Record record = job.run.record;
    nn::describe(record, device);
    const weights::Model model = weights::load_network(pass.model, record);
    nn::Backbone backbone(model.backbone);
    backbone.load(model.parameters, torch::kFloat32, device);
    const auto layers = job.layers.empty() ? weights::architecture(model.backbone).default_taps : job.layers;
    backbone.check_taps(layers);
    auto work = group_targets(job, pass, model, layers);
    const std::int64_t images = share_pictures(work);
    const auto widths = nn::tap_widths(backbone, layers, model.image_size, device);
    std::uint64_t features = 0;
    for (const auto w : widths) features += sizeof(float) * static_cast<std::uint64_t>(w * images);
    std::vector<const EncodePlan*> plans;
    for (const Work& w : work) plans.push_back(&w.plan);
    const MemoryPlan memory = plan_memory(plans, images, features, job.ridge, false, memory_budget(job.memory));
    encode::RidgeOptions ridge = job.ridge;
    ridge.decompositions = memory.decompositions;
    nn::FeatureStore store(images, widths, memory.resident ? features : 0, job.scratch);
    for (const Work& w : work)
        nn::extract_features(backbone, layers, *w.data, w.own, job.batch, device,
                             [&](std::size_t layer, std::int64_t first, std::int64_t count, const float* values) { store.write(layer, w.first + first, count, values); },
                             reporter);
    for (const Work& w : work) {
        check_interrupt();
        write(job, record, w, encode_rois(*w.data, w.plan, store, w.at, layers, ridge, reporter));
    }
}

}  // namespace

PassCost cost_of_pass(const EncodeManyJob& job, const std::filesystem::path& path) {
    const torch::Device device = nn::choose_device(job.run.device, job.run.threads);
    h5::Record unused;
    const weights::Model model = weights::load_network(path, unused);
    nn::Backbone backbone(model.backbone);
    backbone.load(model.parameters, torch::kFloat32, device);
    const auto layers = job.layers.empty() ? weights::architecture(model.backbone).default_taps : job.layers;
    backbone.check_taps(layers);
    PassCost out;
    out.widths = nn::tap_widths(backbone, layers, model.image_size, device);
    for (const auto w : out.widths) out.features += w;
    const auto seconds = [](const auto& work) {
        work();  // the first time sets things up
        const auto start = std::chrono::steady_clock::now();
        work();
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    torch::NoGradGuard no_gradients;
    constexpr std::int64_t images = 16, order = 1024;
    const auto pictures = nn::normalise(torch::randint(256, {images, model.image_size, model.image_size, 3}, torch::kUInt8), torch::kFloat32, device);
    out.seconds_per_image = seconds([&] { backbone.forward(pictures, nullptr); }) / static_cast<double>(images);
    const auto a = torch::randn({order, order});
    const double n = order;
    out.products_per_second = 2 * n * n * n / seconds([&] { a.mm(a); });
    return out;
}

void run_encode_many(const EncodeManyJob& job, Reporter& reporter) {
    const torch::Device device = nn::choose_device(job.run.device, job.run.threads);
    for (std::size_t i = 0; i < job.passes.size(); ++i) {
        reporter.detail(fmt::format("network {} of {}: {}", i + 1, job.passes.size(), job.passes[i].model.string()));
        Warnings inner(reporter);
        run_pass(job, job.passes[i], device, inner);
        reporter.progress("network", static_cast<std::int64_t>(i) + 1, static_cast<std::int64_t>(job.passes.size()));
    }
}

}  // namespace cortune::engine
