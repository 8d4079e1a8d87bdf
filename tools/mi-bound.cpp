// SPDX-License-Identifier: BSD-3-Clause
// mi-bound: a lower bound of the mutual information between a tuned network's embeddings of images and of responses.
// Reads kind features, writes kind information. Formula: van den Oord et al. 2018 (arXiv 1807.03748).
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "cli/ranges.hpp"
#include "cli/row.hpp"
#include "cli/tool.hpp"
#include "core/output_file.hpp"
#include "h5/file.hpp"
#include "probe/information.hpp"

namespace {

using namespace cortune;

struct Options {
    probe::InformationJob job;
    std::filesystem::path curve;
};

const cli::Doc doc{
    .name = "mi-bound",
    .summary = "bound the information between images and responses",
    .description =
        {"The InfoNCE bound of a contrastively tuned network on held-out pairs of image and response: log K minus the mean −log softmax of "
         "the cosine of an image with its own response among those with all K responses. In nats and bits, with a bootstrap interval over "
         "images and the ceiling log K, which no such bound exceeds; where the bound is above nine tenths of it, it says more of K than of the network.",
         "Images that tuned the network are left out. The temperature is chosen on a part of the held-out pairs that is not reported; the bound "
         "at the temperature of the tuning stands beside it. --curve shows the bound for 2, 4, 8, … pairs."},
    .examples = {{"from a tuned network to its bound",
                  "feature-extract subj01.h5 v1v.h5 --embeddings --split test -o v1v.embeddings.h5 && mi-bound v1v.embeddings.h5 --curve curve.tsv"}},
    .reads = {"EMBEDDINGS: a file of kind features with the embeddings of both branches"},
    .writes = {"stdout: a table, TSV or with --json JSON", "-o: a file of kind information", "--curve: TSV"},
    .see_also = {"feature-extract(1)", "cl-finetune(1)", "cortune(5)"},
    .references = {"van den Oord, Li & Vinyals 2018, arXiv 1807.03748.", "Poole, Ozair, van den Oord, Alemi & Tucker 2019: On variational bounds of mutual information. ICML."}};

void declare(cli::App& app, Options& o) {
    auto& j = o.job;
    app.add_option("EMBEDDINGS", j.features, "Embeddings of images and responses")->required()->type_name("FILE");
    app.add_option("--validation-share", j.validation_share, "Share of the held-out pairs that the temperature is chosen on")
        ->check(cli::between(.01, .99))->capture_default_str()->type_name("FLOAT");
    app.add_option("--temperatures", j.temperatures, "Temperatures to try, from 0.01 to 100 times that of the tuning; 1: that one")
        ->check(cli::whole_between(1, 100000))->capture_default_str()->type_name("INT");
    app.add_option("--bootstrap", j.bootstraps, "Bootstrap samples of the interval; 0 for none")->check(cli::whole_between(0, 20000))->capture_default_str()->type_name("INT");
    app.add_option("--subsets", j.subsets, "Random subsets of pairs a point of the curve")->check(cli::whole_between(1, 10000))->capture_default_str()->type_name("INT");
    app.add_option("--curve", o.curve, "Write the bound for fewer pairs as TSV")->type_name("FILE");
}

nlohmann::ordered_json row_of(const probe::Information& i) {
    constexpr double bit = std::numbers::log2e;
    return {{"subject", i.subject}, {"hemisphere", i.hemisphere}, {"roi", i.roi}, {"method", i.method}, {"pairs", i.pairs}, {"validation_pairs", i.validation_pairs}, {"left_out", i.left_out},
            {"temperature", i.temperature}, {"bound_nats", i.bound}, {"low_nats", i.interval.low}, {"high_nats", i.interval.high}, {"bound_bits", i.bound * bit},
            {"low_bits", i.interval.low * bit}, {"high_bits", i.interval.high * bit}, {"ceiling_nats", i.ceiling}, {"saturated", i.saturated ? 1 : 0},
            {"trained_temperature", i.trained_temperature}, {"trained_bound_nats", i.trained_bound}};
}

void run(const Options& options, cli::Context& context) {
    probe::InformationJob job = options.job;
    job.record = context.record();
    job.output = context.output, job.overwrite = context.overwrite, job.seed = context.seed;
    check_distinct({{"-o", context.output}, {"--curve", options.curve}}, {job.features});
    if (!options.curve.empty()) h5::check_target(options.curve, context.overwrite, "text");
    const auto information = probe::measure_information(job, context);  // writes its file last
    if (!options.curve.empty()) {
        std::string text = "pairs\tbound_nats\tdeviation_nats\tceiling_nats\n";
        for (const auto& p : information.curve) text += fmt::format("{}\t{:.6g}\t{:.6g}\t{:.6g}\n", p.pairs, p.bound, p.deviation, std::log(static_cast<double>(p.pairs)));
        write_bytes(options.curve, {text}, {.overwrite = context.overwrite});
    }
    auto row = row_of(information);
    if (context.json) {
        for (const auto& p : information.curve) row["curve"].push_back({{"pairs", p.pairs}, {"bound_nats", p.bound}, {"deviation_nats", p.deviation}});
        return context.result(row.dump(2) + "\n");
    }
    context.result(cli::tsv_row(row));
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.output = true, .output_optional = true, .seed = true, .json = true}, declare, run);
}
