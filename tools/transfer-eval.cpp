// SPDX-License-Identifier: BSD-3-Clause
// transfer-eval: whether networks tuned to one subject help others, and other data sets. Reads kinds
// model and dataset, writes transfer, a table and a map. Method: Mulrooney & Brockmeier 2024
// (arXiv 2410.06067), "Transfer".
#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <numeric>

#include "cli/encode_options.hpp"
#include "cli/ranges.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "core/output_file.hpp"
#include "core/system.hpp"
#include "core/text.hpp"
#include "encode/transfer_file.hpp"
#include "engine/transfer_plan.hpp"
#include "report/gnuplot.hpp"
#include "report/transfer_figure.hpp"

namespace {

using namespace cortune;

struct Options {
    std::vector<std::string> files;
    std::filesystem::path manifest, untuned, encodings, map;
    engine::EncodeManyJob job;
    cli::EncodeWords words;
    encode::EvaluationOptions evaluation;
    bool plan = false;
};

const cli::Doc doc{
    .name = "transfer-eval",
    .summary = "try networks tuned to some subjects on others",
    .description =
        {"Tries every tuned network on every subject that has its hemisphere and region, and compares it there with the untuned "
         "network: the share of voxels that it predicts better, the mean gain with its bootstrap interval and permutation p as in "
         "encode-eval. Subjects of another data set are tried on what share/roi/regions.json calls the same region (V1 for networks "
         "tuned to V1v or V1d).",
         "On each subject the ridge is fitted to all its training images by the held-out protocol of ridge-encode and scored on its test "
         "images, without those that tuned the network (left_out in the table counts them).",
         "The file also has for every target what its own networks gain beyond those of others, in the regions that both were tried on and on the same draws of images.",
         "Every network sees every picture once, however many subjects saw it; Gram matrices and decompositions are each subject's own. "
         "--plan counts all three and says what they take, from a few pictures that it runs.",
         "The table has a line a network and region, then one a pair of source and target for the regions all, early and higher: means over the "
         "target's regions of the share of voxels improved and of the gain, whose interval and p resample images as those of one region do, the same "
         "images in all of them, so that regions need not be independent. Networks that were tried on the same region of a target, as those of several seeds, "
         "are averaged there first.",
         "Whether a target is among the subjects that tuned a network is told by its name."},
    .examples = {{"one network of two subjects each, tried on both", "transfer-eval s1.h5 s2.h5 s1.V1v.h5 s2.V1v.h5 --map transfer.svg -o transfer.h5"},
                 {"what a large matrix would cost", "transfer-eval --manifest files.txt --untuned alexnet.h5 --plan"},
                 {"NSD's networks on NOD", "transfer-eval subj01.*.V1v.h5 subj01.*.V1d.h5 nod/sub-0?.h5 --untuned alexnet.h5 -o nod.h5"}},
    .reads = {"FILE: tuned networks of kind model, subjects of kind dataset", "--untuned: a network as cl-finetune --weights takes it"},
    .writes = {"-o: a file of kind transfer", "standard output: the table as TSV", "--map: SVG", "--encodings: files of kind encoding"},
    .see_also = {"cl-finetune(1)", "ridge-encode(1)", "encode-eval(1)", "cortune(5)"},
    .references = {"Mulrooney & Brockmeier 2024, arXiv 2410.06067."}};

void declare(cli::App& app, Options& o) {
    app.add_option("FILE", o.files, "Tuned models and data sets, in any order")->type_name("FILE");
    app.add_option("--manifest", o.manifest, "More of them, a path a line; # begins a comment")->type_name("FILE");
    app.add_option("--untuned", o.untuned, "Network that all are compared with; by default the shipped alexnet-mini")->type_name("FILE");
    app.add_flag("--plan", o.plan, "Say what would be done and what it takes, and do nothing; the other options may stay");
    app.add_option("--map", o.map, "Draw the shares of voxels improved, sources by targets, as SVG (needs gnuplot)")->type_name("FILE");
    app.add_option("--encodings", o.encodings, "Keep every encoding in this new folder; by default they go when all is scored")->type_name("DIR");
    app.add_option("--permutations", o.evaluation.resample.permutations, "Permutations of the paired test")
        ->check(cli::whole_between(1, 100000))->type_name("INT")->capture_default_str();
    app.add_option("--bootstrap", o.evaluation.resample.bootstraps, "Bootstrap samples of the interval; 0 for none")
        ->check(cli::whole_between(0, 20000))->type_name("INT")->capture_default_str();
    cli::declare_encode_settings(app, o.job, o.words);
}

std::vector<std::string> all_files(const Options& o) {
    auto out = o.files;
    if (o.manifest.empty()) return out;
    require_readable(o.manifest);
    std::ifstream in(o.manifest);
    for (std::string line; std::getline(in, line);) {
        const std::string path = trim(line.starts_with('#') ? "" : line.substr(0, line.find(" #")));
        // As in a Makefile: from where the list is.
        if (!path.empty()) out.push_back(std::filesystem::path(path).is_absolute() ? path : (o.manifest.parent_path() / path).string());
    }
    return out;
}

// The folder of the encodings: kept where it was asked for, else gone with the scope.
class Encodings {
  public:
    // `wanted` is new, or empty for one of its own in `scratch`.
    Encodings(const std::filesystem::path& wanted, const std::filesystem::path& scratch) : kept_(!wanted.empty()), path_(wanted) {
        if (kept_) return;
        std::string name = (scratch / "cortune-transfer-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw cannot_write(name, errno);
        path_ = name;
    }
    // Once it is known what goes there.
    void make() const {
        std::error_code error;
        if (kept_ && !std::filesystem::create_directories(path_, error))
            throw OutputError(fmt::format("{}: {}", path_.string(), error ? error.message() : "exists already"), "name a new folder");
    }
    ~Encodings() {
        std::error_code ignored;
        if (!kept_ && !path_.empty()) std::filesystem::remove_all(path_, ignored);
    }
    Encodings(const Encodings&) = delete;
    Encodings& operator=(const Encodings&) = delete;
    const std::filesystem::path& path() const { return path_; }
    void drop() { kept_ = false; }

  private:
    bool kept_;
    std::filesystem::path path_;
};

void print_plan(const engine::TransferPlan& plan, const engine::EncodeManyJob& job, cli::Context& context) {
    const auto cost = engine::load().pass_cost(job, plan.passes[0].model);
    const auto images = std::accumulate(plan.images.begin(), plan.images.end(), std::int64_t{0});
    const auto grams = static_cast<std::int64_t>(cost.widths.size() * plan.fit_images.size());
    double gram = 0, solve = 0;
    for (const auto n : plan.fit_images) {
        const auto order = static_cast<double>(n);
        gram += order * order * static_cast<double>(cost.features);
        // Folds and the refit, each a decomposition in double precision at half the speed: about 9 n³, or of a layer with few
        // features r its factors, 3 n r², and 9 r³ (linalg/kernel_pca.hpp).
        for (const auto width : cost.widths) {
            const auto r = static_cast<double>(width);
            solve += static_cast<double>(job.folds + 1) * 2 * (2 * r <= order ? 3 * order * r * r + 9 * r * r * r : 9 * order * order * order);
        }
    }
    const double features = 4.0 * static_cast<double>(cost.features) * static_cast<double>(*std::max_element(plan.images.begin(), plan.images.end()));
    const double free = static_cast<double>(job.memory > 0 ? job.memory : available_memory() / 2);
    context.result(fmt::format("networks\t{}\nregions\t{}\npasses\t{}\npictures through networks\t{}\nGram matrices\t{}\ndecompositions\t{}\n", plan.passes.size(), plan.pairs.size(),
                               plan.passes.size(), images, grams, grams * (job.folds + 1)));
    context.result(fmt::format("minutes of passes\t{:.1f}\nminutes of Gram matrices\t{:.1f}\nminutes of decompositions, about\t{:.1f}\nfeatures at a time\t{}\nof them on disk\t{}\n",
                               static_cast<double>(images) * cost.seconds_per_image / 60, gram / cost.products_per_second / 60, solve / cost.products_per_second / 60, format_bytes(features),
                               features > free ? format_bytes(features) : "none"));
    context.result(fmt::format("memory at most\t{}\nencodings on disk\t{}\n", format_bytes(free), format_bytes(static_cast<double>(plan.encoding_bytes))));
    for (const auto& text : plan.skipped) context.result("left out\t" + text + '\n');
    for (const auto& text : plan.doubtful) context.result("doubtful\t" + text + '\n');
}

std::vector<encode::TransferCell> score(const engine::TransferPlan& plan, const encode::EvaluationOptions& options, cli::Context& context) {
    std::vector<encode::TransferCell> out;
    for (const auto& pair : plan.pairs) {
        const encode::EncodingFile untuned(pair.untuned), tuned(pair.tuned);
        out.push_back(pair.cell);
        encode::score_transfer(out.back(), {pair.cell.target, pair.cell.hemisphere, pair.cell.roi_class, pair.cell.roi}, {&untuned, untuned.roi_paths()},
                               {&tuned, tuned.roi_paths()}, options, context);
        context.progress("scores", static_cast<std::int64_t>(out.size()), static_cast<std::int64_t>(plan.pairs.size()));
    }
    return out;
}

void run(const Options& options, cli::Context& context) {
    if (!options.plan && context.output.empty()) throw UsageError("-o FILE is missing", "--plan writes nothing");
    engine::EncodeManyJob job = options.job;
    job.run = {context.record(), "", false, context.seed, context.threads, context.device};
    cli::finish_encode_settings(job, options.words, context.threads);
    const auto files = all_files(options);
    const auto untuned = options.untuned.empty() ? share_dir() / "models" / "alexnet-mini.h5" : options.untuned;
    if (!options.plan) {
        h5::check_target(context.output, context.overwrite, "transfer");
        if (!options.map.empty()) h5::check_target(options.map, context.overwrite, "text");
        std::vector<std::filesystem::path> inputs(files.begin(), files.end());
        inputs.insert(inputs.end(), {options.manifest, untuned});
        std::erase(inputs, std::filesystem::path());
        check_distinct({{"-o", context.output}, {"--map", options.map}}, inputs);
        if (!options.map.empty()) report::svg("plot x", 100, 100);  // is gnuplot there?
    }
    const encode::Regions regions(share_dir() / "roi" / "regions.json");
    if (options.plan) return print_plan(engine::plan_transfer(files, untuned, regions, job.min_voxels, ""), job, context);
    Encodings folder(options.encodings, job.scratch);
    const auto plan = engine::plan_transfer(files, untuned, regions, job.min_voxels, folder.path());
    folder.make();
    for (const auto& text : plan.skipped) context.warn("left out: " + text);
    for (const auto& text : plan.doubtful) context.warn(text);
    job.passes = plan.passes;
    try {
        engine::load().encode_many(job, context);
    } catch (...) {
        folder.drop();  // what is there is not all
        throw;
    }
    encode::EvaluationOptions evaluation = options.evaluation;
    evaluation.resample.seed = static_cast<std::uint64_t>(context.seed);
    evaluation.resample.threads = context.threads;
    const auto cells = score(plan, evaluation, context);
    const auto groups = encode::over_regions(cells);
    h5::Record record = context.record();
    for (const auto& file : files) h5::Input(file).register_in(record);
    if (h5::is_hdf5(untuned)) h5::Input(untuned).register_in(record);
    std::optional<StagedFile> map;
    if (!options.map.empty() && groups.empty()) context.warn("no region has a score: there is no map");
    else if (!options.map.empty()) map.emplace(options.map, std::initializer_list<std::string_view>{report::transfer_figure(groups, "transfer").svg}, WriteOptions{.overwrite = context.overwrite});
    encode::write_transfer(context.output, record, context.overwrite, cells, groups, encode::over_sources(cells));
    if (map) map->commit();
    context.result(encode::transfer_tsv(cells, groups));
    std::int64_t left_out = 0;
    for (const auto& c : cells) left_out += c.left_out;
    context.info(fmt::format("{} pairs of network and region; {} images in all of them were not scored since they tuned the network", cells.size(), left_out));
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.output = true, .output_optional = true, .seed = true, .device = true}, declare, run);
}
