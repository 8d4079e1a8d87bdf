// SPDX-License-Identifier: BSD-3-Clause
// ridge-encode: predicts responses from a network's layers (PCA, ridge, a penalty per
// voxel, a layer per ROI). Reads kinds dataset and model (or foreign weights), with
// --predict also encoding; writes encoding. Method: Mulrooney & Brockmeier,
// arXiv 2410.06067, with a protocol whose scored images chose nothing.
#include <fmt/format.h>

#include "cli/encode_options.hpp"
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
    std::string protocol = "held-out", score = "test";
    cli::EncodeWords words;
    std::vector<std::string> rois, also;
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
         "network. The last two mark the file optimistic. --also makes the file of another protocol in the same run: the "
         "network sees every image once, and held-out and train-cv share their decompositions. --save-weights is of -o.",
         "Images that tuned the model are refused as scored images, by id and by the hash of their pixels; "
         "--allow-tuned-images admits them and marks the file; where train-cv is one of several protocols, for it alone."},
    .examples = {{"all ROIs of a subject with the untuned shipped backbone", "ridge-encode subj01.h5 -o untuned.h5"},
                 {"the ROI that a model was tuned to", "ridge-encode subj01.h5 v1v.h5 -o v1v-encoding.h5"},
                 {"two layers of AlexNet in one ROI", "ridge-encode subj01.h5 alexnet.h5 --hemi lh --roi hV4 --layers features.5,features.12 -o out.h5"},
                 {"three protocols from one forward pass",
                  "ridge-encode subj01.h5 v1v.h5 --allow-tuned-images --also paper=paper.h5 --also train-cv=cv.h5 -o held-out.h5"},
                 {"predict new pictures with saved weights",
                  "ridge-encode v1v-encoding.h5 v1v.h5 --predict new-pictures/ -o predicted.h5"}},
    .reads = {"DATASET: a file of kind dataset; with --predict the encoding whose weights are used",
              "MODEL: a file of kind model, safetensors, or a torchvision .pth"},
    .writes = {"-o, --also: files of kind encoding, all of them or none"},
    .see_also = {"cl-finetune(1)", "encode-eval(1)", "cortune(5)"},
    .references = {"Hoerl & Kennard 1970: Ridge regression. Technometrics 12.",
                   "Mulrooney & Brockmeier: arXiv 2410.06067."}};

void declare(cli::App& app, Options& o) {
    auto& j = o.job;
    app.add_option("DATASET", j.dataset, "Pictures and responses of one subject")->required()->type_name("FILE");
    app.add_option("MODEL", j.model, "Tuned model, or weights of a backbone")->type_name("FILE");
    app.add_option("--hemi", o.hemisphere, "Hemisphere of --roi; with a tuned model by default that of the model")->type_name("HEMI");
    app.add_option("--roi", o.rois, "Region(s) of interest, separated by commas; A+B is a union; with a tuned model by default that of the model")
        ->delimiter(',')->allow_extra_args(false)->type_name("ROIS");
    app.add_option("--roi-class", o.roi_class, "Class of --roi, where the name alone is not unique")->type_name("CLASS");
    app.add_flag("--all", j.all_rois, "Every ROI of the subject, also with a tuned model");
    app.add_option("--protocol", o.protocol, "held-out, paper or train-cv")
        ->check(cli::one_of({"held-out", "paper", "train-cv"}))->capture_default_str()->type_name("NAME");
    app.add_option("--also", o.also, "Encode by another protocol as well, from the same forward pass, to FILE (repeatable)")
        ->allow_extra_args(false)->type_name("PROTOCOL=FILE");
    app.add_option("--score", o.score, "Split that is scored: test, or official_test where the data have one")
        ->check(cli::one_of({"test", "official_test"}))->capture_default_str()->type_name("SPLIT");
    app.add_flag("--allow-tuned-images", j.allow_tuned_images, "Score images that tuned the model, and say so in the file");
    cli::declare_encode_settings(app, j, o.words);
    app.add_flag("--save-weights", j.save_weights, "Keep what predicts new images");
    auto* predict =
        app.add_option("--predict", j.predict.images, "Predict the pictures of this data set, folder or zip archive with the weights of the encoding given first")->type_name("PATH");
    app.add_flag("--same-units", j.same_units, "With --predict: columns without vertices (layout table) are the encoding's units")->needs(predict);
    app.add_option("--fit", j.predict.fit, "With --predict: how a folder's pictures come to the network's size: squash or crop")
        ->needs(predict)->check(cli::one_of({"squash", "crop"}))->capture_default_str()->type_name("HOW");
    app.add_option("--namespace", j.predict.image_namespace, "With --predict: of a folder's image ids; default: its name")->needs(predict)->type_name("NAME");
    // All of this is in the weights already.
    for (const char* decided : {"--layers", "--hemi", "--roi", "--roi-class", "--all", "--protocol", "--also", "--score", "--folds", "--fold-seed",
                                "--components", "--alphas", "--pca", "--min-voxels", "--memory", "--scratch", "--save-weights"})
        predict->excludes(decided);
}

void choose_rois(const Options& o, engine::EncodeJob& job) {
    const bool named = !o.rois.empty() || !o.hemisphere.empty();
    if (!named && !o.roi_class.empty()) throw UsageError("--roi-class goes with --roi");
    if (named && job.all_rois) throw UsageError("--roi and --hemi exclude --all");
    // What is left open is that of a tuned model.
    for (const auto& roi : o.rois) job.rois.push_back({o.hemisphere, o.roi_class, roi});
    if (o.rois.empty() && named) job.rois.push_back({o.hemisphere, o.roi_class, ""});
}

// -o is --protocol's; --also PROTOCOL=FILE names the others.
void choose_protocols(const Options& o, engine::EncodeJob& job) {
    job.protocol = encode::parse_protocol(o.protocol);
    std::vector<std::pair<std::string, std::filesystem::path>> outputs = {{"-o", job.run.output}};
    std::vector<std::string> protocols = {o.protocol};
    for (const auto& word : o.also) {
        const auto equals = word.find('=');
        if (equals == std::string::npos || equals + 1 == word.size())
            throw UsageError(fmt::format("--also {}: expected PROTOCOL=FILE", word), "for example --also paper=paper.h5");
        protocols.push_back(word.substr(0, equals));
        job.also.push_back({encode::parse_protocol(protocols.back()), word.substr(equals + 1)});
        outputs.emplace_back("--also " + protocols.back(), job.also.back().output);
    }
    cli::refuse_repeated("--protocol and --also", protocols);
    check_distinct(outputs, {job.dataset, job.model, job.predict.images});
}

void run(const Options& options, cli::Context& context) {
    engine::EncodeJob job = options.job;
    job.run = {context.record(), context.output, context.overwrite, context.seed, context.threads, context.device};
    if (job.model.empty()) job.model = share_dir() / "models" / "alexnet-mini.h5";
    choose_rois(options, job);
    cli::refuse_repeated("--roi", options.rois);
    choose_protocols(options, job);
    job.score_official_test = options.score == "official_test";
    if (job.score_official_test && job.protocol == encode::Protocol::train_cv && job.also.empty())
        throw UsageError("--score has no effect with --protocol train-cv, which scores the training images");
    cli::finish_encode_settings(job, options.words, context.threads);
    engine::load().encode(job, context);
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.output = true, .device = true}, declare, run);
}
