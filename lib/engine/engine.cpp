// SPDX-License-Identifier: BSD-3-Clause
// The engine library's one entry point.
#include "engine/engine.hpp"

#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <malloc.h>

#include <limits>

#include "core/error.hpp"
#include "engine/encode_job.hpp"
#include "engine/encode_many.hpp"
#include "engine/feature_job.hpp"
#include "engine/field_job.hpp"
#include "engine/finetune_job.hpp"
#include "engine/salience_job.hpp"
#include "images/versions.hpp"
#include "nn/backbone.hpp"
#include "nn/device.hpp"
#include "train/classifier.hpp"
#include "weights/architecture.hpp"
#include "weights/model_file.hpp"

namespace cortune::engine {
namespace {

BackboneResult run_backbone(const BackboneJob& job, Reporter& reporter) {
    h5::check_target(job.run.output, job.run.overwrite, "model");
    const auto& architecture = weights::asked_architecture(job.backbone);
    const torch::Device device = nn::choose_device(job.run.device, job.run.threads);
    const auto train = train::read_labelled(job.images / "train", architecture.image_size, job.run.threads, {});
    const auto validation = train::read_labelled(job.images / "val", architecture.image_size, job.run.threads, train.classes);
    nn::Backbone backbone(job.backbone);
    backbone.init(job.run.seed, device);
    auto history = train::train_classifier(backbone, train, validation, job.options, job.run.seed, device, reporter);
    const auto reached = train::accuracy(backbone, validation, device);

    h5::Record record = job.run.record;
    nn::describe(record, device);
    for (const auto& [name, version] : images::library_versions()) record.libraries[name] = version;
    record.add_input(job.images / "train", train.sha256);
    record.add_input(job.images / "val", validation.sha256);
    record.options["classes"] = train.classes;
    record.options["validation_top1"] = reached.top1;
    record.options["validation_top5"] = reached.top5;
    weights::Model model;
    model.backbone = job.backbone;
    model.image_size = architecture.image_size;
    model.parameters = backbone.state();
    model.history = std::move(history);
    weights::write_model(job.run.output, record, job.run.overwrite, model);
    return {static_cast<std::int64_t>(train.classes.size()), train.pixels.size(0), validation.pixels.size(0), reached.top1, reached.top5};
}

// LibTorch's own exceptions in the terms of core/error.hpp.
template <class F>
auto translated(F f) {
    try {
        return f();
    } catch (const c10::Error& e) {
        const std::string what = e.what_without_backtrace();
        if (what.find("out of memory") != std::string::npos || what.find("not enough memory") != std::string::npos ||
            what.find("can't allocate memory") != std::string::npos)
            throw ResourceError("not enough memory: " + what.substr(0, what.find('\n')), "a smaller --batch needs less");
        throw RunFailed("LibTorch: " + what.substr(0, what.find('\n')));
    }
}

class TorchEngine final : public Engine {
  public:
    void finetune(const FinetuneJob& job, Reporter& reporter) override {
        translated([&] { run_finetune(job, reporter); });
    }
    void encode(const EncodeJob& job, Reporter& reporter) override {
        translated([&] { run_encode(job, reporter); });
    }
    void encode_many(const EncodeManyJob& job, Reporter& reporter) override {
        translated([&] { run_encode_many(job, reporter); });
    }
    PassCost pass_cost(const EncodeManyJob& job, const std::filesystem::path& model) override {
        return translated([&] { return cost_of_pass(job, model); });
    }
    void extract_features(const FeatureJob& job, Reporter& reporter) override {
        translated([&] { run_features(job, reporter); });
    }
    SalienceResult salience(const SalienceJob& job, Reporter& reporter) override {
        return translated([&] { return run_salience(job, reporter); });
    }
    std::vector<salience::FieldScores> fields(const FieldJob& job, Reporter& reporter) override {
        return translated([&] { return run_fields(job, reporter); });
    }
    BackboneResult train_backbone(const BackboneJob& job, Reporter& reporter) override {
        return translated([&] { return run_backbone(job, reporter); });
    }
};

}  // namespace
}  // namespace cortune::engine

extern "C" cortune::engine::Engine* cortune_engine() {
    // Every step allocates and frees the same large tensors. By default malloc maps and
    // unmaps them, and a quarter of a run goes into fresh pages.
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
    mallopt(M_TOP_PAD, 64 << 20);
    static cortune::engine::TorchEngine engine;
    return &engine;
}
