// SPDX-License-Identifier: BSD-3-Clause
// ridge-encode: predicts responses from a network's layers (PCA, ridge, a penalty per
// voxel, a layer per ROI). Reads kinds dataset and model (or foreign weights), with
// --predict also encoding; writes encoding. Method: Mulrooney & Brockmeier,
// arXiv 2410.06067, with a protocol whose scored images chose nothing.
#include <fmt/format.h>

#include <algorithm>

#include "cli/ranges.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "core/output_file.hpp"
#include "core/system.hpp"
#include "core/text.hpp"
#include "engine/engine.hpp"

namespace {

using namespace cortune;

struct Options {
    engine::EncodeJob job;
    std::string protocol = "held-out", pca = "auto", score = "test", memory;
    std::vector<std::string> rois;
    std::string hemisphere, roi_class;
};

const cli::Doc doc{
    .name = "ridge-encode",
    .summary = "predict brain responses from the layers of a network",
    .description =
        {"For every tapped layer: principal components of the fitting images' features, ridge regression with an "
         "intercept, the penalty chosen per voxel by cross-validation; then the layer with the best mean over voxels is "
         "chosen per ROI. All layers are read in one forward pass.",
         "MODEL is a tuned model, whose own hemisphere and ROI are encoded, or the weights of a backbone, which encodes "
         "every ROI of the subject; --hemi, --roi and --all override. Without MODEL the shipped alexnet-mini is used.",
         "--protocol held-out (default): penalty and layer by folds inside the training images, refit on all of them, one "
         "prediction of test images that nothing has seen. paper: the folds run inside the test images, and penalty and "
         "layer are chosen on the folds that are reported. train-cv: the same inside the training images, which tuned the "
         "network. The last two mark the file optimistic.",
         "Images that tuned the model are refused as scored images, by id and by the hash of their pixels; "
         "--allow-tuned-images admits them and marks the file."},
    .examples = {{"all ROIs of a subject with the untuned shipped backbone", "ridge-encode subj01.h5 -o untuned.h5"},
                 {"the ROI that a model was tuned to", "ridge-encode subj01.h5 v1v.h5 -o v1v-encoding.h5"},
                 {"two layers of AlexNet in one ROI", "ridge-encode subj01.h5 alexnet.h5 --hemi lh --roi hV4 --layers features.5,features.12 -o out.h5"},
                 {"predict new pictures with saved weights",
                  "ridge-encode v1v-encoding.h5 v1v.h5 --predict new-images.h5 -o predicted.h5"}},
    .reads = {"DATASET: a file of kind dataset; with --predict the encoding whose weights are used",
              "MODEL: a file of kind model, safetensors, or a torchvision .pth"},
    .writes = {"-o: a file of kind encoding"},
    .see_also = {"cl-finetune(1)", "encode-eval(1)", "cortune(5)"},
    .references = {"Hoerl & Kennard 1970: Ridge regression. Technometrics 12.",
                   "Mulrooney & Brockmeier: arXiv 2410.06067."}};

void declare(CLI::App& app, Options& o) {
    auto& j = o.job;
    app.add_option("DATASET", j.dataset, "Pictures and responses of one subject")->required()->type_name("FILE");
    app.add_option("MODEL", j.model, "Tuned model, or weights of a backbone")->type_name("FILE");
    app.add_option("--layers", j.layers, "Modules to tap, e.g. features.2,classifier.5; default: those of the paper")
        ->delimiter(',')->allow_extra_args(false)->type_name("NAMES");
    app.add_option("--hemi", o.hemisphere, "Hemisphere of --roi; with a tuned model by default that of the model")->type_name("HEMI");
    app.add_option("--roi", o.rois, "Region(s) of interest, separated by commas; A+B is a union; with a tuned model by default that of the model")
        ->delimiter(',')->allow_extra_args(false)->type_name("ROIS");
    app.add_option("--roi-class", o.roi_class, "Class of --roi, where the name alone is not unique")->type_name("CLASS");
    app.add_flag("--all", j.all_rois, "Every ROI of the subject, also with a tuned model");
    app.add_option("--protocol", o.protocol, "held-out, paper or train-cv")
        ->check(CLI::IsMember({"held-out", "paper", "train-cv"}))->capture_default_str()->type_name("NAME");
    app.add_option("--score", o.score, "Split that is scored: test, or official_test where the data have one")
        ->check(CLI::IsMember({"test", "official_test"}))->capture_default_str()->type_name("SPLIT");
    app.add_flag("--allow-tuned-images", j.allow_tuned_images, "Score images that tuned the model, and say so in the file");
    app.add_option("--folds", j.folds, "Folds of the cross-validation")->check(cli::whole_between(2, 100))->capture_default_str()->type_name("INT");
    app.add_option("--fold-seed", j.fold_seed, "Seed of the images' folds")->check(cli::whole_at_least(0))->capture_default_str()->type_name("INT");
    app.add_option("--components", j.ridge.components, "Principal components at most")
        ->check(cli::whole_at_least(1))->capture_default_str()->type_name("INT");
    app.add_option("--alphas", j.ridge.alphas, "Ridge penalties, separated by commas; default: 1e-1 … 1e7, 9 values")
        ->delimiter(',')->allow_extra_args(false)->check(cli::above_zero())->type_name("FLOATS");
    app.add_option("--pca", o.pca, "exact, fast (truncated solver) or auto (fast where it is faster)")
        ->check(CLI::IsMember({"auto", "exact", "fast"}))->capture_default_str()->type_name("MODE");
    app.add_option("--min-voxels", j.min_voxels, "Leave out smaller ROIs")->check(cli::whole_at_least(1))->capture_default_str()->type_name("INT");
    app.add_option("--memory", o.memory, "Memory for features, responses and matrices, beside the program and the network, e.g. 8G; default: half of what is free")->type_name("SIZE");
    app.add_option("--scratch", j.scratch, "Folder for features that do not fit in --memory; default: $TMPDIR or /tmp")->type_name("DIR");
    app.add_option("--batch", j.batch, "Images per forward pass")->check(cli::whole_at_least(1))->capture_default_str()->type_name("INT");
    app.add_flag("--save-weights", j.save_weights, "Keep what predicts new images");
    auto* predict =
        app.add_option("--predict", j.predict, "Predict this data set's images with the weights of the encoding given first")->type_name("FILE");
    app.add_flag("--same-units", j.same_units, "With --predict: columns without vertices (layout table) are the encoding's units")->needs(predict);
    // All of this is in the weights already.
    for (const char* decided : {"--layers", "--hemi", "--roi", "--roi-class", "--all", "--protocol", "--score", "--folds", "--fold-seed",
                                "--components", "--alphas", "--pca", "--min-voxels", "--memory", "--scratch", "--save-weights"})
        predict->excludes(app.get_option(decided));
}

// The penalties of the published protocol.
std::vector<double> default_alphas() { return {1e-1, 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7}; }

void choose_rois(const Options& o, engine::EncodeJob& job) {
    const bool named = !o.rois.empty() || !o.hemisphere.empty();
    if (!named && !o.roi_class.empty()) throw UsageError("--roi-class goes with --roi");
    if (named && job.all_rois) throw UsageError("--roi and --hemi exclude --all");
    // What is left open is that of a tuned model.
    for (const auto& roi : o.rois) job.rois.push_back({o.hemisphere, o.roi_class, roi});
    if (o.rois.empty() && named) job.rois.push_back({o.hemisphere, o.roi_class, ""});
}

void run(const Options& options, cli::Context& context) {
    engine::EncodeJob job = options.job;
    job.run = {context.record(), context.output, context.overwrite, context.seed, context.threads, context.device};
    if (job.model.empty()) job.model = share_dir() / "models" / "alexnet-mini.h5";
    check_distinct({{"-o", context.output}}, {job.dataset, job.model, job.predict});
    choose_rois(options, job);
    cli::refuse_repeated("--layers", job.layers);
    cli::refuse_repeated("--roi", options.rois);
    job.protocol = encode::parse_protocol(options.protocol);
    job.score_official_test = options.score == "official_test";
    if (job.score_official_test && job.protocol == encode::Protocol::train_cv)
        throw UsageError("--score has no effect with --protocol train-cv, which scores the training images");
    if (job.ridge.alphas.empty()) job.ridge.alphas = default_alphas();
    std::sort(job.ridge.alphas.begin(), job.ridge.alphas.end());
    job.ridge.pca = options.pca == "exact" ? linalg::PcaMode::exact : options.pca == "fast" ? linalg::PcaMode::fast : linalg::PcaMode::automatic;
    job.ridge.threads = context.threads;
    if (!options.memory.empty()) job.memory = parse_bytes(options.memory);
    if (job.scratch.empty()) {
        std::error_code none;
        job.scratch = std::filesystem::temp_directory_path(none);
        if (none) job.scratch = "/tmp";  // found unfit only where it is needed
    }
    engine::load().encode(job, context);
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.output = true, .device = true}, declare, run);
}
