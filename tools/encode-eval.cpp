// SPDX-License-Identifier: BSD-3-Clause
// encode-eval: encoding accuracy of one or more models per voxel and region, and what the
// later models gain over the first. Reads files of kind `encoding`, writes a table and,
// with -o, a file of kind `evaluation`. Accuracy as in Mulrooney & Brockmeier 2024
// (arXiv 2410.06067); share of the ceiling as in the Algonauts 2023 challenge.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cli/ranges.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "core/output_file.hpp"
#include "core/system.hpp"
#include "core/text.hpp"
#include "core/text_file.hpp"
#include "encode/evaluation.hpp"
#include "encode/evaluation_file.hpp"
#include "linalg/threads.hpp"
#include "report/evaluation_report.hpp"
#include "report/figure_folder.hpp"
#include "report/gnuplot.hpp"

namespace {

using namespace cortune;

struct Options {
    std::vector<std::string> files;
    std::vector<std::string> models;
    encode::EvaluationOptions evaluation;
    std::filesystem::path forest, report, figures;
};

const cli::Doc doc = {
    "encode-eval",
    "encoding accuracy per voxel and region, and what a model gains over another",
    {"Correlates predicted and measured responses of every voxel (Pearson r; inside each fold "
     "and averaged over folds where the protocol has folds), summarises them per region, and "
     "compares every model with the first one: the share of voxels with a higher r, the "
     "difference of the regions' mean r with its 95 % bootstrap interval, and its two-sided "
     "permutation p. Both resample images, never voxels, whose noise is shared: a permutation "
     "exchanges the two models' predictions of an image for all voxels of the region together.",
     "Models are named with --model, which takes several files where a model was tuned per "
     "region. Files given without a label are named by the method in them. Values are paired "
     "by subject, hemisphere, region, vertex and image; the order in the files does not matter.",
     "Each voxel has a bootstrap interval of r, a one-sided p from permuting images, and the "
     "same of the difference. Where the data say in which run a picture was shown (layouts nsd and nod, "
     "nsd-extract table --runs), images are permuted inside runs: they share the run's slow noise and "
     "normalisation, so that only among themselves they are exchangeable. A voxel's p that no permutation reaches is, where "
     "they look nearly normal, the tail of a Student t with their mean, variance and kurtosis. q values hold the false discovery rate inside a region "
     "(Benjamini and Hochberg). share_p_value is the share of improved voxels under the same "
     "exchanges, which keep the correlation between voxels; share_binomial_p is what one would "
     "get from counting voxels as if they were independent. effect_size is the difference "
     "over its standard deviation across voxels, with an interval from a jackknife over images.",
     "Over the regions of a subject that are compared (all, the early and the higher ones, by share/roi/regions.json) the means of the difference and of the "
     "share are tested with the same images drawn in all of them (in the file, on the page and in --forest).",
     "Where several subjects have a region or such a set, their mean r and their differences are combined: the mean with an exact "
     "sign-flip p over subjects, and DerSimonian and Laird's random-effects estimate with its "
     "interval, from the subjects' bootstrap intervals (--forest, and /group in the file).",
     "Where there are noise ceilings (shares of variance), share_of_ceiling is the mean over voxels of r2 / ceiling "
     "as it is, where r2 is max(r, 0) squared and the ceiling is above 0; above_ceiling counts the voxels that exceed "
     "theirs. challenge_score and median_challenge_score are those of Algonauts 2023: capped at 1, a ceiling of 0 read as "
     "1e-14. ceiling_r is the mean of the ceiling's square root. Images that tuned a model are not scored unless --allow-tuned-images says "
     "so; such rows, and those whose protocol selects on what it reports, have optimistic = 1, as have those that are compared with such a reference."},
    {{"What tuning bought, region by region",
      "encode-eval --model untuned=untuned.h5 --model contrastive=lh_V1v.h5,lh_hV4.h5"},
     {"The same, kept in a file", "encode-eval untuned.h5 tuned.h5 -o evaluation.h5"}},
    {"encoding: predictions and responses of the scored images, by ridge-encode(1)"},
    {"standard output: one row per region and model, tab-separated or JSON",
     "evaluation: the same table and r per voxel, with -o",
     "--forest: TSV, subjects and their combination per region and model",
     "--report: HTML, one page that needs no network; --figures: SVG"},
    {"ridge-encode(1)", "cl-finetune(1)", "cortune-info(1)", "cortune(5)"},
    {"Mulrooney and Brockmeier 2024, arXiv 2410.06067"},
};

void declare(cli::App& app, Options& o) {
    app.add_option("files", o.files, "Encoding files, named by their method")->type_name("FILE");
    app.add_option("--model", o.models, "A model and its encoding file or files; the first is the reference")
        ->type_name("LABEL=FILE[,FILE...]")->allow_extra_args(false);
    app.add_option("--permutations", o.evaluation.resample.permutations, "Permutations of the paired test")
        ->check(cli::whole_between(1, 100000))->type_name("INT")->capture_default_str();
    app.add_option("--bootstrap", o.evaluation.resample.bootstraps,
                   "Bootstrap samples of the interval; 0 for none")
        ->check(cli::whole_between(0, 20000))->type_name("INT")->capture_default_str();
    app.add_option("--forest", o.forest, "Write subjects' mean r and gains and their combination per region as TSV")->type_name("FILE");
    app.add_option("--report", o.report, "Write a self-contained HTML page with table, figures and provenance (needs gnuplot)")->type_name("FILE");
    app.add_option("--figures", o.figures, "Write the page's figures as SVG files into this folder")->type_name("DIR");
    app.add_flag("--common-images", o.evaluation.common_images,
                 "Where models scored different images, compare on those that all of them scored");
    app.add_flag("--mixed-protocols", o.evaluation.mixed_protocols,
                 "Set models of different protocols side by side");
    app.add_flag("--across-runs", o.evaluation.across_runs,
                 "Permute images across runs, too, for the p of r");
    app.add_flag("--allow-tuned-images", o.evaluation.allow_tuned_images,
                 "Score images that tuned the model, and mark the rows optimistic");
}

void add(std::vector<encode::ModelFiles>& models, const std::string& label, encode::EncodingFile file) {
    auto at = std::find_if(models.begin(), models.end(), [&](const auto& m) { return m.label == label; });
    if (at == models.end()) at = models.insert(models.end(), encode::ModelFiles{label, {}});
    at->files.push_back(std::move(file));
}

std::vector<encode::ModelFiles> open_models(const Options& o) {
    std::vector<encode::ModelFiles> models;
    for (const auto& text : o.models) {
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
            throw UsageError("--model: expected LABEL=FILE[,FILE...], found '" + text + "'");
        if (std::any_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(equals), [](unsigned char c) { return c < ' ' || c == 127; }))
            throw UsageError("--model: a label with a tab, line break or the like would break the table");
        for (const auto& file : split(text.substr(equals + 1), ','))
            add(models, text.substr(0, equals), encode::EncodingFile(file));
    }
    for (const auto& path : o.files) {
        encode::EncodingFile file(path);
        const std::string method = file.header().method;
        add(models, method, std::move(file));
    }
    if (models.empty()) throw UsageError("no encoding file is given", "encode-eval FILE... or --model LABEL=FILE");
    return models;
}

// What would fail after the computation is found before it.
void check_targets(const Options& o, const std::vector<encode::ModelFiles>& models, const cli::Context& context) {
    std::vector<std::filesystem::path> inputs;
    for (const auto& model : models)
        for (const auto& file : model.files) inputs.push_back(file.input().path());
    check_distinct({{"-o", context.output}, {"--forest", o.forest}, {"--report", o.report}, {"--figures", o.figures}}, inputs);
    for (const auto* target : {&context.output, &o.forest, &o.report})
        if (!target->empty())
            h5::check_target(*target, context.overwrite, target == &context.output ? "evaluation" : "text");
    if (!o.figures.empty()) h5::check_target_folder(o.figures);
    if (!o.figures.empty() && !context.overwrite && std::filesystem::exists(o.figures))
        throw OutputError(o.figures.string() + ": exists already", "--overwrite replaces the figures in it");
    if (!o.report.empty() || !o.figures.empty()) report::svg("plot x", 100, 100);  // is gnuplot there?
}

// All of them, or none: the evaluation gets its name when the others wait for theirs.
void write_files(const Options& o, cli::Context& context, const h5::Record& record, const encode::Evaluation& evaluation,
                 const std::vector<report::Figure>& figures) {
    std::optional<report::FigureFolder> folder;
    std::vector<StagedFile> staged;
    const auto stage = [&](const std::filesystem::path& path, std::string_view text, bool overwrite) {
        staged.emplace_back(path, std::initializer_list<std::string_view>{text}, WriteOptions{.overwrite = overwrite});
    };
    if (!o.forest.empty()) stage(o.forest, encode::forest_tsv(evaluation), context.overwrite);
    if (!o.figures.empty()) {
        folder.emplace(o.figures);
        for (const auto& f : figures) stage(o.figures / (f.name + ".svg"), f.svg, true);
    }
    if (!o.report.empty()) stage(o.report, report::evaluation_page(evaluation, figures, h5::provenance_of(record, "this page")), context.overwrite);
    if (!context.output.empty()) encode::write_evaluation(context.output, record, context.overwrite, evaluation);
    for (auto& file : staged) file.commit();
    if (folder) folder->keep(figures);
}

void run(const Options& o, cli::Context& context) {
    const auto models = open_models(o);
    check_targets(o, models, context);
    h5::Record record = context.record();
    record.libraries["openblas"] = linalg::blas_version();
    for (const auto& model : models)
        for (const auto& file : model.files) file.input().register_in(record);

    encode::EvaluationOptions options = o.evaluation;
    options.resample.seed = static_cast<std::uint64_t>(context.seed);
    options.resample.threads = context.threads;
    const encode::Evaluation evaluation = encode::evaluate(models, options, encode::Regions(share_dir() / "roi" / "regions.json"), context);
    if (evaluation.optimistic) context.warn("optimistic scores: " + evaluation.optimistic_reason);

    const bool drawn = !o.report.empty() || !o.figures.empty();
    const auto figures = drawn ? report::evaluation_figures(evaluation) : std::vector<report::Figure>{};
    // The table first: a run that cannot print it leaves no file either.
    context.result(context.json ? encode::evaluation_json(evaluation).dump(2) + '\n'
                                : encode::evaluation_tsv(evaluation));
    context.flush_results();
    write_files(o, context, record, evaluation, figures);
}

}  // namespace

int main(int argc, char** argv) {
    return cli::tool_main<Options>(
        argc, argv, doc,
        {.output = true, .output_optional = true, .seed = true, .threads = true, .device = false, .json = true},
        declare, run);
}
