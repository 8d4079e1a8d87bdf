// SPDX-License-Identifier: BSD-3-Clause
// cl-finetune: tunes a backbone to the responses of one ROI, contrastively or by
// regression. Reads kinds dataset, model and checkpoint (or foreign weights); writes
// model. Method: Mulrooney & Brockmeier, arXiv 2410.06067.
#include "cli/ranges.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "core/system.hpp"
#include "core/text.hpp"
#include "engine/engine.hpp"
#include "weights/storage.hpp"

#include <fmt/format.h>

namespace {

using namespace cortune;

struct Options {
    engine::FinetuneJob job;
    std::string memory, processes = "auto";
    // Without effect in the regression baseline, without --patience, without --checkpoint, for one subject.
    std::vector<cli::Option*> of_contrast, of_patience, of_checkpoint, of_pool;
};

const cli::Doc doc{
    .name = "cl-finetune",
    .summary = "tune a vision network to the responses of a region of the visual cortex",
    .description =
        {"Tunes the backbone so that an image's embedding lies closer to the response that it evoked than to the "
         "responses to the other images of the batch (InfoNCE), or so that a linear read-out of its last layer predicts "
         "the response (--loss mse, the regression baseline). One run makes one network, for one hemisphere and one ROI; A+B "
         "joins ROIs of a class.",
         "Several data sets, one a subject, are pooled: the backbone, the image branch and the projection head are shared, "
         "each subject has a response branch (or a read-out) of its own, and every batch is of one subject. Subjects that lack the "
         "ROI are left out and named. An image may not train for one subject and be held out for another. --align-shared goes beyond "
         "the paper: where several subjects saw an image, the responses of all are its positives (Khosla et al. 2020), so that "
         "the branches learn one space.",
         "Only images of the training split are used; their ids and the hashes of their pixels are kept in the model, and "
         "later tools refuse to score them. Options left at their default take the paper's value, which depends on "
         "--loss: 30 epochs at 1e-4, for mse 75 epochs at 2.5e-5.",
         "Under torchrun, srun or mpirun the processes that they start share every batch of --batch images: each computes its part, "
         "with the other parts' responses as negatives and the statistics of the whole batch, and the network is that of one process but for "
         "rounding. They meet at the first machine of the job (MASTER_ADDR and MASTER_PORT say otherwise); the first process alone "
         "speaks and writes. Where one dies the others end with exit code 1, and --resume goes on from the checkpoint.",
         "A run is a function of its inputs, options, --seed, --threads and the number of processes. With --checkpoint FILE the state is kept "
         "after every epoch, and the same command with --resume ends in the same network as an unbroken run. Equal runs on "
         "one kind of GPU give equal bytes as well, but for image sizes that are not the network's own, where averages are added in no fixed order."},
    .examples = {{"contrastive tuning of the shipped small backbone to the left V1v",
                  "cl-finetune subj01.h5 --hemi lh --roi V1v -o v1v.h5"},
                 {"the regression baseline, AlexNet's ImageNet weights, early visual areas joined",
                  "cl-finetune subj01.h5 --weights alexnet.h5 --hemi rh --roi V1v+V1d --loss mse -o v1.h5"},
                 {"one network for three subjects", "cl-finetune subj01.h5 subj02.h5 subj05.h5 --hemi lh --roi PPA --pool avg -o ppa.h5"},
                 {"a long run whose batches four tasks of a cluster share",
                  "srun -n 4 --cpus-per-task 8 cl-finetune subj01.h5 --hemi lh --roi EBA --checkpoint eba.ckpt --resume -o eba.h5"},
                 {"a long run on a cluster that may be stopped and started again",
                  "cl-finetune subj01.h5 --hemi lh --roi EBA --checkpoint eba.ckpt --resume -o eba.h5"}},
    .reads = {"DATASET: a file of kind dataset (nsd-extract)",
              "--weights: a file of kind model, safetensors, or a torchvision .pth"},
    .writes = {"-o: a file of kind model", "--loss-curve: TSV, a line per epoch", "--checkpoint: a file of kind checkpoint"},
    .see_also = {"nsd-extract(1)", "ridge-encode(1)", "model-convert(1)", "cortune(5)"},
    .references = {"Mulrooney & Brockmeier: Contrastive learning to fine-tune feature extraction models for the visual "
                   "cortex. arXiv 2410.06067.",
                   "van den Oord, Li & Vinyals 2018: Representation learning with contrastive predictive coding.",
                   "Khosla et al. 2020: Supervised contrastive learning. NeurIPS 33."}};

void declare(cli::App& app, Options& o) {
    auto& t = o.job.options;
    app.add_option("DATASET", o.job.datasets, "Pictures and responses of a subject; several are pooled")->required()->type_name("FILE");
    app.add_option("--weights", o.job.weights, "Backbone to start from; by default the shipped alexnet-mini")->type_name("FILE");
    app.add_option("--hemi", o.job.roi.hemisphere, "Hemisphere: lh, rh, or all for data without hemispheres")
        ->required()->type_name("HEMI");
    app.add_option("--roi", o.job.roi.roi, "Region of interest; A+B is a union, all takes every vertex")->required()->type_name("ROI");
    app.add_option("--roi-class", o.job.roi.roi_class, "Class of the ROI, where its name alone is not unique")->type_name("CLASS");
    app.add_option("--loss", t.loss, "infonce, clip (both directions) or mse (regression)")
        ->check(cli::one_of({"infonce", "clip", "mse"}))->capture_default_str()->type_name("LOSS");
    auto* pool = app.add_option("--pool", t.pool, "Width h of a network pooled over subjects: const (5741), avg (their mean voxel count; of several data sets the default) or a number")
                     ->type_name("WIDTH");
    o.of_pool.emplace_back() = app.add_option("--pool-order", t.pool_order, "turns: subjects one after the other in every epoch; interleaved: their batches mixed")
        ->check(cli::one_of({"turns", "interleaved"}))->capture_default_str()->type_name("ORDER");
    o.of_pool.emplace_back() = app.add_option("--subject-weights", t.subject_weights, "Weights of the subjects' losses, in the order of the data sets; default: 1 each")
        ->delimiter(',')->allow_extra_args(false)->check(cli::above_zero())->type_name("W,W...");
    o.of_pool.emplace_back() = app.add_flag("--align-shared", t.align_shared, "Take other subjects' responses to the same image as positives, too (infonce)");
    app.add_option("--epochs", t.epochs, "Passes over the training images; paper: 30, for mse 75")->check(cli::whole_at_least(0))->type_name("INT");
    app.add_option("--batch", t.batch, "Images per step")->check(cli::whole_between(2, 1 << 20))->capture_default_str()->type_name("INT");
    app.add_option("--lr", t.learning_rate, "Adam's learning rate; paper: 1e-4, for mse 2.5e-5")->check(cli::above_zero())->type_name("FLOAT");
    o.of_contrast.emplace_back() = app.add_option("--temperature", t.temperature, "Temperature of the softmax over cosines")
        ->check(cli::above_zero())->capture_default_str()->type_name("FLOAT");
    o.of_contrast.emplace_back() = app.add_option("--embedding", t.embedding, "Width h of both branches; paper: int(0.8 V)")->check(cli::whole_at_least(1))->excludes(pool)->type_name("INT");
    o.of_contrast.emplace_back() = app.add_option("--projection", t.projection, "Width z of the projection; paper: int(0.2 V), pooled int(0.25 h)")->check(cli::whole_at_least(1))->type_name("INT");
    app.add_option("--dropout", t.dropout, "Dropout of the backbone while tuning")->check(cli::between(0., .99))->capture_default_str()->type_name("FLOAT");
    app.add_option("--warmup-epochs", t.warmup_epochs, "Let the learning rate rise linearly over these epochs")
        ->check(cli::not_negative())->capture_default_str()->type_name("FLOAT");
    app.add_option("--patience", t.patience, "Stop after so many epochs without gain on the inner validation part and keep the best; 0: off")
        ->check(cli::whole_at_least(0))->capture_default_str()->type_name("INT");
    o.of_patience.emplace_back() = app.add_option("--validation-share", t.validation_share, "Share of the training images that --patience watches")
        ->check(cli::between(.01, .5))->capture_default_str()->type_name("FLOAT");
    app.add_option("--precision", t.precision, "Of the backbone's passes: float32, bfloat16 or float64")
        ->check(cli::one_of({"float32", "bfloat16", "float64"}))->capture_default_str()->type_name("TYPE");
    app.add_option("--freeze", t.freeze, "Modules that stay as they are, e.g. features.0,features.3 or features")
        ->delimiter(',')->allow_extra_args(false)->type_name("NAMES");
    app.add_option("--min-voxels", t.min_voxels, "Refuse smaller ROIs")->check(cli::whole_at_least(1))->capture_default_str()->type_name("INT");
    app.add_option("--memory", o.memory, "Memory for pictures held as they are, e.g. 2G; default: half of what is free")->type_name("SIZE");
    app.add_option("--store", o.job.store, "How to keep the weights: float32; float16 or bfloat16 (half the size, rounded); difference from the untuned network (half, exact) or "
                   "difference16 (less than a third). The last two are read with the untuned network's file at hand")
        ->check(cli::one_of(weights::storage_names()))->capture_default_str()->type_name("HOW");
    app.add_option("--loss-curve", o.job.loss_curve, "Write the loss of every epoch as TSV")->type_name("FILE");
    app.add_option("--checkpoint", o.job.checkpoint, "Keep the state here while the run goes on")->type_name("FILE");
    o.of_checkpoint.emplace_back() = app.add_option("--checkpoint-every", o.job.checkpoint_every, "Epochs between checkpoints")
        ->check(cli::whole_at_least(1))->capture_default_str()->type_name("INT");
    app.add_option("--processes", o.processes, "auto: the processes that torchrun, srun or mpirun started share every batch; alone: this one is a run of its own")
        ->check(cli::one_of({"auto", "alone"}))->capture_default_str()->type_name("WHICH");
    app.add_flag("--resume", o.job.resume, "Continue from --checkpoint where it exists");
}

void run(const Options& options, cli::Context& context) {
    if (options.job.options.loss == "mse") cli::refuse_idle(options.of_contrast, "with --loss mse");
    if (options.job.options.patience == 0) cli::refuse_idle(options.of_patience, "without --patience");
    if (options.job.checkpoint.empty()) cli::refuse_idle(options.of_checkpoint, "without --checkpoint");
    if (options.job.datasets.size() < 2) cli::refuse_idle(options.of_pool, "for one subject");
    engine::FinetuneJob job = options.job;
    if (job.datasets.size() > 1 && job.options.pool.empty()) job.options.pool = "avg";
    job.run = {context.record(), context.output, context.overwrite, context.seed, context.threads, context.device};
    if (job.weights.empty()) job.weights = share_dir() / "models" / "alexnet-mini.h5";
    if (!options.memory.empty()) job.options.memory = parse_bytes(options.memory);
    if (job.roi.roi.find(',') != std::string::npos) throw UsageError("--roi " + job.roi.roi + ": one model is of one ROI", "A+B joins several");
    if (job.resume && job.checkpoint.empty()) throw UsageError("--resume needs --checkpoint FILE");
    if (options.processes == "auto") job.launch = launch_from_environment();
    if (job.launch.rank > 0) {  // the first one speaks for all, but for what went wrong here
        context.tool += fmt::format("[{}]", job.launch.rank);
        context.quiet = true;
    }
    engine::load().finetune(job, context);
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.output = true, .seed = true, .device = true}, declare, run);
}
