// SPDX-License-Identifier: BSD-3-Clause
// class-probe: a linear classifier on one layer of a network. Reads kind features, writes kind probe.
#include <fmt/format.h>

#include "cli/ranges.hpp"
#include "cli/row.hpp"
#include "cli/tool.hpp"
#include "core/output_file.hpp"
#include "probe/probe_job.hpp"

namespace {

using namespace cortune;

const cli::Doc doc{
    .name = "class-probe",
    .summary = "classify pictures by one layer of a network",
    .description =
        {"Multinomial logistic regression on the standardised units of a layer that feature-extract kept of labelled pictures. The images "
         "are split by a hash of their ids and --split-seed, the same for every network; the classifier learns from one side and is scored on "
         "the other: top-1 with an interval over images, top-5, log-loss, expected calibration error. Its probabilities of the scored images "
         "are kept for model-landscape, its weights for salience-map. Scored images that tuned the network, or that principal components were "
         "fitted on, mark the file optimistic; which pictures a backbone was trained on before that, no file says.",
         "A picture's class is the folder that it lies in. --labels FILE says it otherwise: a whole number a line, in the order of names "
         "(ImageNet's ILSVRC2012_validation_ground_truth.txt); a name and its class a line (Places365's places365_val.txt); or a list of "
         "folders that are classes (SUN397's ClassName.txt).",
         "The penalty is scikit-learn's: C · Σ log-loss + ½ ‖weights‖², the intercept free. Of several values in --C the one with the least "
         "log-loss over folds of the training images is taken; the scored ones have no part in it.",
         "--reference PROBE compares with another network's probe of the same images: difference of top-1 with an interval of images drawn "
         "once for both, and McNemar's exact test."},
    .examples = {{"Caltech-256, untuned and tuned",
                  "class-probe caltech.untuned.h5 -o untuned.probe.h5 && class-probe caltech.v1v.h5 --reference untuned.probe.h5 -o v1v.probe.h5"},
                 {"ImageNet's validation pictures", "class-probe imagenet.h5 --layer classifier.5 --labels ILSVRC2012_validation_ground_truth.txt -o imagenet.probe.h5"},
                 {"choose the penalty", "class-probe caltech.untuned.h5 --C 1e-4,1e-3,1e-2,1e-1 -o untuned.probe.h5"}},
    .reads = {"FEATURES: a file of kind features", "--labels: a text file", "--reference: a file of kind probe"},
    .writes = {"-o: a file of kind probe", "stdout: a table, TSV or with --json JSON"},
    .see_also = {"feature-extract(1)", "model-landscape(1)", "salience-map(1)", "cortune(5)"},
    .references = {"Guo, Pleiss, Sun & Weinberger 2017: On calibration of modern neural networks. ICML.",
                   "McNemar 1947: Note on the sampling error of the difference between correlated proportions. Psychometrika 12."}};

void declare(cli::App& app, probe::ProbeJob& j) {
    app.add_option("FEATURES", j.features, "Features of labelled pictures")->required()->type_name("FILE");
    app.add_option("--layer", j.layer, "Layer to classify by; default: the file's only one")->type_name("NAME");
    app.add_option("--labels", j.labels, "Classes of the pictures, or folders that are classes; default: the folders they lie in")->type_name("FILE");
    app.add_option("--C", j.c, "Inverse strength(s) of the penalty, separated by commas; several: chosen by cross-validation")
        ->delimiter(',')->allow_extra_args(false)->check(cli::above_zero())->capture_default_str()->type_name("FLOATS");
    app.add_option("--folds", j.folds, "Folds of that cross-validation")->check(cli::whole_between(2, 100))->capture_default_str()->type_name("INT");
    app.add_option("--test-share", j.test_share, "Share of the pictures that is scored")->check(cli::between(.001, .999))->capture_default_str()->type_name("FLOAT");
    app.add_option("--split-seed", j.split_seed, "Seed of that split")->check(cli::whole_at_least(0))->capture_default_str()->type_name("INT");
    app.add_option("--reference", j.reference, "Probe of another network to compare with")->type_name("FILE");
    app.add_option("--bootstrap", j.bootstraps, "Bootstrap samples of images")->check(cli::whole_at_least(0))->capture_default_str()->type_name("INT");
    app.add_option("--max-iterations", j.solver.max_iterations, "Steps of the solver at most")->check(cli::whole_at_least(1))->capture_default_str()->type_name("INT");
    app.add_option("--tolerance", j.solver.tolerance, "It stops where its model of the objective promises less, in nats an image")
        ->check(cli::above_zero())->capture_default_str()->type_name("FLOAT");
}

nlohmann::ordered_json row_of(const probe::ProbeResult& r) {
    const auto& h = r.header;
    const auto& s = r.scores;
    nlohmann::ordered_json out = {{"backbone", h.backbone}, {"method", h.method}, {"tuned_to", h.subjects.empty() ? "-" : fmt::format("{} {} {}", h.subjects, h.hemisphere, h.roi)},
                                  {"layer", h.layer}, {"classes", h.classes.size()}, {"train_images", h.train_images}, {"test_images", h.image.size()}, {"c", h.c},
                                  {"top1", s.top1}, {"top1_low", s.top1_interval.low}, {"top1_high", s.top1_interval.high}, {"top5", s.top5},
                                  {"log_loss", s.log_loss}, {"calibration_error", s.calibration_error}, {"iterations", r.iterations}, {"optimistic", h.optimistic ? 1 : 0}};
    if (r.comparison) {
        const auto& c = *r.comparison;
        out.update({{"reference_top1", r.reference_top1}, {"difference", c.difference}, {"difference_low", c.interval.low}, {"difference_high", c.interval.high},
                    {"gained", c.gained}, {"lost", c.lost}, {"mcnemar_p", c.mcnemar_p}});
    }
    return out;
}

void run(const probe::ProbeJob& options, cli::Context& context) {
    probe::ProbeJob job = options;
    job.record = context.record();
    job.output = context.output, job.overwrite = context.overwrite, job.seed = context.seed, job.solver.threads = context.threads;
    check_distinct({{"-o", context.output}}, {job.features, job.labels, job.reference});
    const auto row = row_of(probe::run_probe(job, context));
    if (context.json) return context.result(row.dump(2) + "\n");
    context.result(cli::tsv_row(row));
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<probe::ProbeJob>(argc, argv, doc, {.output = true, .seed = true, .json = true}, declare, run);
}
