// SPDX-License-Identifier: BSD-3-Clause
#include "engine/finetune_job.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <functional>
#include <optional>
#include <set>
#include <utility>
#include <nlohmann/json.hpp>

#include "core/error.hpp"
#include "core/output_file.hpp"
#include "core/text_file.hpp"
#include "engine/inputs.hpp"
#include "engine/tuning_inputs.hpp"
#include "nn/backbone.hpp"
#include "nn/device.hpp"
#include "train/checkpoint.hpp"
#include "train/tuner.hpp"
#include "train/world.hpp"
#include "weights/architecture.hpp"
#include "weights/model_file.hpp"

namespace cortune::engine {
namespace {

using datasets::Roi;

nlohmann::json options_json(const train::TuningOptions& o) {
    return {{"loss", o.loss},
            {"epochs", o.epochs},
            {"batch", o.batch},
            {"lr", o.learning_rate},
            {"temperature", o.temperature},
            {"embedding", o.embedding},
            {"projection", o.projection},
            {"dropout", o.dropout},
            {"warmup_epochs", o.warmup_epochs},
            {"patience", o.patience},
            {"validation_share", o.validation_share},
            {"precision", o.precision},
            {"freeze", o.freeze},
            {"pool", o.pool},
            {"pool_order", o.pool_order},
            {"subject_weights", o.subject_weights},
            {"align_shared", o.align_shared}};
}

// What must be equal for a checkpoint to be continued. Epochs may grow.
std::string identity(const FinetuneJob& job, const std::vector<TunedSubject>& subjects, const std::string& start_sha256, const train::TuningOptions& options, const torch::Device& device) {
    nlohmann::json out = options_json(options);
    out.erase("epochs");
    out["weights"] = start_sha256;
    const Roi& roi = subjects.at(0).roi;
    out["roi"] = roi.hemisphere + '/' + roi.roi_class + '/' + roi.name;
    for (const auto& s : subjects) out["datasets"].push_back(s.data->input().uuid());
    out["seed"] = job.run.seed;
    out["threads"] = job.run.threads;
    out["processes"] = job.launch.size;
    out["device"] = device.is_cuda() ? "cuda" : "cpu";
    return out.dump();
}

// The processes of one tuning were started with one command; returns the identity that the first one has.
std::string agree(const train::World& world, const FinetuneJob& job, const std::string& identity, const train::TuningOptions& options) {
    auto own = nlohmann::json::parse(identity);
    own.erase("threads");  // cores may differ from machine to machine
    own["epochs"] = options.epochs;
    own["output"] = job.run.output.string();
    own["checkpoint"] = job.checkpoint.string();
    const auto first = nlohmann::json::parse(world.from_first("command", own.dump()));
    for (const auto& [key, value] : own.items())
        if (first.at(key) != value)
            throw UsageError(fmt::format("process {} of {} was started with {} {}, the first one with {}", world.rank(), world.size(), key, value.dump(), first.at(key).dump()),
                             "the processes of one tuning run one command; --processes alone makes each a run of its own");
    const auto out = world.from_first("identity", identity);
    world.barrier();
    return out;
}

// Processes of a machine take its GPUs in turn, unless one was named. (srun may show each its own alone.)
torch::Device device_of(const FinetuneJob& job) {
    const auto device = nn::choose_device(job.run.device, job.run.threads);
    if (!device.is_cuda() || job.launch.local_size == 1 || job.run.device.find(':') != std::string::npos) return device;
    return {torch::kCUDA, static_cast<c10::DeviceIndex>(job.launch.local_rank % static_cast<int>(torch::cuda::device_count()))};
}

// Called beside the computation, which may be stuck for good: the process ends, and what is kept on disk is whole.
std::function<void(const std::string&, int)> end_of_run(const FinetuneJob& job, Reporter& reporter) {
    return [&job, &reporter](const std::string& what, int signal) {
        reporter.warn(what + (job.checkpoint.empty() ? "; this run ends" : fmt::format("; this run ends, and --resume goes on from {}", job.checkpoint.string())));
        std::_Exit(signal != 0 ? 128 + signal : static_cast<int>(ExitCode::failed));
    };
}

std::string curve_text(const weights::History& h) {
    std::string out = "epoch\tloss\tvalidation_loss\tlearning_rate\n";
    for (std::size_t i = 0; i < h.loss.size(); ++i)
        out += fmt::format("{}\t{:.9g}\t{:.9g}\t{:.9g}\n", i + 1, h.loss[i], h.validation_loss[i], h.learning_rate[i]);
    return out;
}

weights::Model result(const FinetuneJob& job, const std::vector<TunedSubject>& subjects, const std::vector<train::Branch>& branches,
                      const nn::Backbone& backbone, train::Tuner& tuner, const train::TuningOptions& options) {
    weights::Model m;
    m.backbone = backbone.name();
    m.method = options.loss;
    m.parameters = backbone.state();
    m.seed = job.run.seed;
    describe_subjects(subjects, m);
    train::TuningOptions effective = options;
    if (options.loss != "mse") {
        const auto sizes = train::head_sizes(backbone.outputs(), branches, options);
        effective.embedding = static_cast<int>(sizes.embedding);
        effective.projection = static_cast<int>(sizes.projection);
    }
    m.options = options_json(effective).dump();
    for (auto* group : {&tuner.heads().parameters(), &tuner.heads().buffers()})
        for (const auto& [name, t] : *group) m.heads.push_back(nn::to_plain(name, t));
    m.history = tuner.history();
    return m;
}

// What tuned the network before tunes it still: its subjects, data sets and images, each once.
void add_earlier_tuning(weights::Model& model, const weights::Model& start) {
    const auto add = [](std::vector<std::string>& to, const std::vector<std::string>& from) {
        for (const auto& name : from)
            if (std::find(to.begin(), to.end(), name) == to.end()) to.push_back(name);
    };
    add(model.subjects, start.subjects);
    add(model.dataset_uuids, start.dataset_uuids);
    std::set<std::pair<std::string, std::string>> known;
    for (std::size_t i = 0; i < model.tuned_image.size(); ++i) known.emplace(model.tuned_image[i], model.tuned_sha256[i]);
    for (std::size_t i = 0; i < start.tuned_image.size(); ++i) {
        if (!known.emplace(start.tuned_image[i], start.tuned_sha256[i]).second) continue;
        model.tuned_image.push_back(start.tuned_image[i]);
        model.tuned_sha256.push_back(start.tuned_sha256[i]);
    }
}

// Every target is another file than the others and the inputs, and a checkpoint replaces
// nothing but a checkpoint. All of it is known before the first epoch.
void check_targets(const FinetuneJob& job) {
    auto inputs = job.datasets;
    inputs.push_back(job.weights);
    h5::check_target(job.run.output, job.run.overwrite, "model");
    check_distinct({{"-o", job.run.output}, {"--loss-curve", job.loss_curve}, {"--checkpoint", job.checkpoint}}, inputs);
    if (!job.loss_curve.empty()) h5::check_target(job.loss_curve, job.run.overwrite, "text");
    if (job.checkpoint.empty()) return;
    h5::check_target(job.checkpoint, true, "checkpoint");
    if (!std::filesystem::exists(job.checkpoint)) return;
    h5::Input(job.checkpoint, {"checkpoint"});
    if (!job.resume && !job.run.overwrite)
        throw OutputError(job.checkpoint.string() + ": exists already", "--resume goes on from it, --overwrite starts anew");
}

// Runs the epochs; a failure says where the last good state is.
void tune(const FinetuneJob& job, const train::TuningOptions& options, const h5::Record& record, const std::string& same,
          train::Tuner& tuner, bool writes, Reporter& reporter) {
    std::int64_t kept = tuner.epochs_done();
    try {
        tuner.run(reporter, [&] {
            const auto done = tuner.epochs_done();
            if (job.checkpoint.empty() || (done % job.checkpoint_every != 0 && done != options.epochs)) return;
            if (writes) train::write_checkpoint(job.checkpoint, record, same, tuner.state());
            kept = done;
        });
    } catch (const Interrupted&) {
        if (kept > 0) reporter.warn(fmt::format("the state after epoch {} is in {}; --resume goes on from it", kept, job.checkpoint.string()));
        throw;
    } catch (const RunFailed& e) {
        if (kept == 0) throw;
        throw RunFailed(e.what(), fmt::format("{}{}the state after epoch {} is in {}; --resume goes on from it", e.hint(), e.hint().empty() ? "" : "; ", kept, job.checkpoint.string()));
    }
}

}  // namespace

void run_finetune(const FinetuneJob& job, Reporter& reporter) {
    auto options = train::with_defaults(job.options);
    // Before anything that may fail in one of them alone: the others notice.
    const train::World world(job.launch, [&] { return device_of(job); }, end_of_run(job, reporter));
    const torch::Device device = world.device();
    if (world.writes()) check_targets(job);
    h5::Record record = job.run.record;
    const weights::Model start = weights::load_network(job.weights, record);
    auto subjects = open_subjects(job, options, start, record, reporter);
    if (start.tuned() && weights::needs_base(weights::storage_of(job.store)))
        throw UsageError(fmt::format("--store {}: {} is tuned already, and differences are from an untuned network", job.store, job.weights.string()));
    if (job.options.epochs == 0) reporter.warn("--epochs 0: no step is made, the network stays what it is");
    if (start.tuned()) reporter.warn(job.weights.string() + " is tuned already; tuning goes on from there");

    nn::describe(record, device);
    if (world.size() > 1) {
        record.options["processes"] = world.size();
        reporter.info(fmt::format("{} processes, started by {}, share the batches", world.size(), job.launch.by));
        options.memory = memory_budget(options.memory) / (options.memory == 0 ? static_cast<std::uint64_t>(job.launch.local_size) : 1);
    }
    const auto data = tuning_data(subjects, options, device, reporter);
    const auto branches = train::branches_of(data);
    nn::Backbone backbone(start.backbone);
    backbone.load(start.parameters, options.precision == "float64" ? torch::kFloat64 : torch::kFloat32, device);
    train::Tuner tuner(backbone, data, options, job.run.seed, device, world);

    const std::string start_sha256 = weights::parameters_sha256(start.parameters);
    const std::string same = agree(world, job, identity(job, subjects, start_sha256, options, device), options);
    const bool resumes = !world.from_first("resume", job.resume && std::filesystem::exists(job.checkpoint) ? "yes" : "").empty();
    if (resumes) {
        h5::Input(job.checkpoint, {"checkpoint"}).register_in(record);
        tuner.restore(train::read_checkpoint(job.checkpoint, same));
        if (tuner.epochs_done() > options.epochs)
            throw BadInput(fmt::format("{}: {} epochs are done, --epochs asks for {}", job.checkpoint.string(), tuner.epochs_done(), options.epochs),
                           "start anew with another --checkpoint, or ask for more epochs");
        reporter.info(fmt::format("continuing after epoch {}", tuner.epochs_done()));
    }
    for (const auto& s : subjects)
        reporter.info(fmt::format("{} {} {}: {} voxels, {} images, {} epochs of {}", s.data->header().subject, s.roi.hemisphere, s.roi.name, s.roi.column.size(),
                                  s.rows.size(), options.epochs, options.loss));
    tune(job, options, record, same, tuner, world.writes(), reporter);
    tuner.finish();
    if (!world.writes()) return world.barrier();
    auto model = result(job, subjects, branches, backbone, tuner, options);
    if (start.tuned()) add_earlier_tuning(model, start);
    model.start_sha256 = start.tuned() ? start.start_sha256 : start_sha256;
    // Both or none: the curve waits for its name until the model has its own.
    std::optional<StagedFile> curve;
    if (!job.loss_curve.empty()) curve.emplace(job.loss_curve, std::initializer_list<std::string_view>{curve_text(tuner.history())}, WriteOptions{.overwrite = job.run.overwrite});
    const double lost = weights::write_model(job.run.output, record, job.run.overwrite, model, {weights::storage_of(job.store), &start.parameters, job.weights});
    if (lost > 0) reporter.info(fmt::format("kept as {}: rounding is {:.2g} % of what tuning changed", job.store, 100 * lost));
    if (curve) curve->commit();
    world.barrier();
    if (!tuner.history().loss.empty())
        reporter.info(fmt::format("loss {:.4f} → {:.4f}", tuner.history().loss.front(), tuner.history().loss.back()));
}

}  // namespace cortune::engine
