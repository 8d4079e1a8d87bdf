// SPDX-License-Identifier: BSD-3-Clause
// backbone-train: trains a backbone from scratch on a labelled folder. Made the shipped
// share/models/alexnet-mini.h5 from nsd-simulate's classes; writes kind model.
#include <fmt/format.h>

#include "cli/ranges.hpp"
#include "cli/tool.hpp"
#include "engine/engine.hpp"

namespace {

using namespace cortune;

const cli::Doc doc{
    .name = "backbone-train",
    .summary = "train a backbone from scratch on labelled pictures",
    .description = {"Cross-entropy, Adam, a learning rate that falls to 0 along a cosine; the pictures of every second batch, at random, are mirrored. The folder "
                    "holds train/<class>/ and val/<class>/ with PNG or JPEG pictures, as nsd-simulate --labelled writes "
                    "them. The accuracy on val/ is printed and kept in the file's provenance."},
    .examples = {{"the commands behind the shipped backbone (share/models/make.sh)",
                  "nsd-simulate --labelled classes --per-class 400 --val-per-class 40 --seed 7 && "
                  "backbone-train classes --epochs 24 --seed 7 --threads 2 -o alexnet-mini.h5"}},
    .reads = {"IMAGES/{train,val}/<class>/*.png|jpg"},
    .writes = {"-o: a file of kind model, method untuned"},
    .see_also = {"nsd-simulate(1)", "cl-finetune(1)", "cortune(5)"}};

void declare(cli::App& app, engine::BackboneJob& j) {
    auto& o = j.options;
    app.add_option("IMAGES", j.images, "Folder with train/ and val/")->required()->type_name("DIR");
    app.add_option("--backbone", j.backbone, "Architecture")->capture_default_str()->type_name("NAME");
    app.add_option("--epochs", o.epochs, "Passes over the training pictures")->check(cli::whole_at_least(0))->capture_default_str()->type_name("INT");
    app.add_option("--batch", o.batch, "Pictures per step")->check(cli::whole_between(2, 1 << 20))->capture_default_str()->type_name("INT");
    app.add_option("--lr", o.learning_rate, "Adam's learning rate at the start")->check(cli::above_zero())->capture_default_str()->type_name("FLOAT");
    app.add_option("--weight-decay", o.weight_decay, "L2 penalty")->check(cli::not_negative())->capture_default_str()->type_name("FLOAT");
    app.add_option("--dropout", o.dropout, "Dropout of the classifier's layers")->check(cli::between(0., .99))->capture_default_str()->type_name("FLOAT");
}

void run(const engine::BackboneJob& options, cli::Context& context) {
    engine::BackboneJob job = options;
    job.run = {context.record(), context.output, context.overwrite, context.seed, context.threads, context.device};
    const auto r = engine::load().train_backbone(job, context);
    context.result("classes\ttrain_images\tvalidation_images\ttop1\ttop5\n");
    context.result(fmt::format("{}\t{}\t{}\t{:.4f}\t{:.4f}\n", r.classes, r.train_images, r.validation_images, r.top1, r.top5));
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<engine::BackboneJob>(argc, argv, doc, {.output = true, .seed = true, .device = true}, declare, run);
}
