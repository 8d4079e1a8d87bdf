// SPDX-License-Identifier: BSD-3-Clause
// feature-extract: what a network makes of pictures, in one forward pass. Reads a data set, a folder or a zip archive
// and a model; writes kind features.
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
    engine::FeatureJob job;
    std::string precision = "float32", memory;
};

const cli::Doc doc{
    .name = "feature-extract",
    .summary = "keep what a network makes of pictures",
    .description =
        {"Outputs of any layers of any model on the pictures of a data set, a folder or a zip archive, in one forward pass: one array a "
         "layer, images first, each axis with its name. class-probe and mi-bound read the file; so do h5py, xarray and HDFView, for a "
         "representational similarity analysis or a notebook of one's own. MODEL is a tuned model or the weights of a backbone; without "
         "it the shipped alexnet-mini is used.",
         "Every picture has its id, the hash of its pixels, its side of the data set's split, and whether it tuned the network (/tuned).",
         "--embeddings keeps h and z of a contrastively tuned network, of images and, for a data set of the subject that tuned it, of "
         "responses; without --layers nothing else.",
         "--pca K keeps principal components in place of a layer's units. They are fitted on the training images where the data set has "
         "a split, and the others are projected onto them.",
         "Pictures of a folder are brought to the network's size: squash (as nsd-extract does) or crop (the shorter side to 256, the "
         "middle 224, as ImageNet's networks are tested). A namespace and the path below the folder are a picture's id.",
         "--checkpoint DIR keeps finished parts, float32 files of kind features, until the output is whole; after a stop --resume goes "
         "on from them."},
    .examples = {{"the paper's layers of an untuned network", "feature-extract subj01.h5 alexnet.h5 -o untuned.features.h5"},
                 {"embeddings of both branches, held-out images", "feature-extract subj01.h5 v1v.h5 --embeddings --split test -o v1v.embeddings.h5"},
                 {"one layer of a folder, for a probe", "feature-extract caltech256 v1v.h5 --layers classifier.5 --fit crop -o caltech.features.h5"},
                 {"many pictures, in parts", "feature-extract photos.zip alexnet.h5 --precision float16 --checkpoint parts --resume -o photos.features.h5"}},
    .reads = {"IMAGES: a file of kind dataset, a folder or a zip archive of PNG and JPEG files", "MODEL: a file of kind model, safetensors, or a torchvision .pth"},
    .writes = {"-o: a file of kind features", "--checkpoint: files of kind features, removed in the end"},
    .see_also = {"cl-finetune(1)", "class-probe(1)", "mi-bound(1)", "cortune(5)"}};

void declare(cli::App& app, Options& o) {
    auto& j = o.job;
    app.add_option("IMAGES", j.images, "Data set, folder or zip archive of pictures")->required()->type_name("PATH");
    app.add_option("MODEL", j.model, "Tuned model, or weights of a backbone")->type_name("FILE");
    app.add_option("--layers", j.layers, "Modules to tap, e.g. features.2,classifier.5; default: those of the paper; with --embeddings none")
        ->delimiter(',')->allow_extra_args(false)->type_name("NAMES");
    app.add_flag("--embeddings", j.embeddings, "Keep h and z of a contrastively tuned network");
    app.add_option("--split", j.split, "Side of a data set's split: all, train, test or official_test")
        ->check(cli::one_of({"all", "train", "test", "official_test"}))->capture_default_str()->type_name("SPLIT");
    app.add_option("--fit", j.fit, "How a folder's pictures come to the network's size: squash or crop")
        ->check(cli::one_of({"squash", "crop"}))->capture_default_str()->type_name("HOW");
    app.add_option("--namespace", j.image_namespace, "Of a folder's image ids; default: its name")->type_name("NAME");
    app.add_option("--pool", j.pool, "Pool layers over space: none, mean or max")
        ->check(cli::one_of({"none", "mean", "max"}))->capture_default_str()->type_name("HOW");
    auto* pca = app.add_option("--pca", j.components, "Principal components to keep of each layer")->check(cli::whole_at_least(1))->type_name("K");
    app.add_option("--precision", o.precision, "float32 or float16")->check(cli::one_of({"float32", "float16"}))->capture_default_str()->type_name("TYPE");
    app.add_option("--batch", j.batch, "Images per forward pass")->check(cli::whole_at_least(1))->capture_default_str()->type_name("INT");
    app.add_option("--memory", o.memory, "Memory for --pca, e.g. 8G; default: half of what is free")->type_name("SIZE")->needs(pca);
    app.add_option("--scratch", j.scratch, "Folder for features that do not fit in --memory; default: $TMPDIR or /tmp")->type_name("DIR")->needs(pca);
    auto* parts = app.add_option("--checkpoint", j.checkpoint, "Folder that keeps finished parts until the output is whole")->type_name("DIR");
    app.add_option("--checkpoint-every", j.checkpoint_every, "Images a part")->check(cli::whole_at_least(1))->capture_default_str()->type_name("INT")->needs(parts);
    app.add_flag("--resume", j.resume, "Go on from the parts in --checkpoint, where there are any")->needs(parts);
}

void run(const Options& options, cli::Context& context) {
    engine::FeatureJob job = options.job;
    job.run = {context.record(), context.output, context.overwrite, context.seed, context.threads, context.device};
    if (job.model.empty()) job.model = share_dir() / "models" / "alexnet-mini.h5";
    check_distinct({{"-o", context.output}}, {job.images, job.model});
    cli::refuse_repeated("--layers", job.layers);
    if (job.components > 0 && job.layers.empty() && job.embeddings) throw UsageError("--pca is of layers, and --embeddings alone keeps none", "name --layers too");
    job.half = options.precision == "float16";
    if (!options.memory.empty()) job.memory = parse_bytes(options.memory);
    if (job.scratch.empty()) job.scratch = cli::default_scratch();
    engine::load().extract_features(job, context);
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.output = true, .device = true}, declare, run);
}
