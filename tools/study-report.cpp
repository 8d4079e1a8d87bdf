// SPDX-License-Identifier: BSD-3-Clause
// study-report: what a finished study found, as one HTML page and a table on stdout. Reads the study's table (JSON,
// cortune(5)), its evaluations and its transfers.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/ranges.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "core/output_file.hpp"
#include "core/text.hpp"
#include "h5/file.hpp"
#include "report/gnuplot.hpp"
#include "report/study_report.hpp"
#include "study/results.hpp"

namespace {

using namespace cortune;

struct Options {
    std::vector<std::filesystem::path> studies;
    std::string title;
    std::filesystem::path published;
    std::vector<std::string> names;
    bool unfinished = false;
    cli::Option* names_option = nullptr;
};

const cli::Doc doc{
    .name = "study-report",
    .summary = "tables and figures of a study on one page",
    .description =
        {"Reads the table of a study and what study-run made of it, and writes one page that needs no network: for the early, the higher and all regions what each method gained over the untuned network, "
         "with interval and p over subjects; accuracy and the share of improved voxels by region and method; accuracy against layer; methods against one another (key compare of the table); "
         "the transfer between subjects as maps and pairs, and whether a subject's own network is worth more than others'; all of it by subject, too. Several studies come one after the other on the page.",
         "Values are averaged over seeds. Over subjects, p flips the signs of their values (its smallest is 2 / 2^n for n subjects), and intervals are those of DerSimonian and Laird's random-effects model, from every "
         "subject's bootstrap over images. A study of one subject has the interval and p of its images. What is optimistic is marked.",
         "--published sets the accuracies of a paper beside one's own, region by region, where subject, hemisphere and region have the same name; "
         "--published-name says under which name they have a method. The untuned network is \"untuned\" on both sides unless said."},
    .examples = {{"the page of a study, with the table on the terminal", "study-report study.json -o report.html"},
                 {"beside published numbers", "study-report study.json --published encoding_by_roi.json --published-name contrastive=cl_tuned -o report.html"},
                 {"two studies on a page", "study-report few.json many.json --title \"How many pictures?\" -o report.html"}},
    .reads = {"STUDY: the table, as JSON, and in its output folder evaluation and transfer files", "--published: JSON, {\"source\": TEXT, \"results\": {SUBJECT: {\"lh_V1v\": {METHOD: {\"mean_r\": NUMBER}}}}}"},
    .writes = {"HTML, one page", "standard output: a row a study, comparison, model and set of regions, tab-separated or JSON"},
    .see_also = {"study-run(1)", "encode-eval(1)", "transfer-eval(1)", "cortune(5)"},
    .references = {"Mulrooney and Brockmeier 2024, arXiv 2410.06067"}};

void declare(cli::App& app, Options& o) {
    app.add_option("STUDY", o.studies, "Table of a study")->required()->type_name("FILE");
    app.add_option("--title", o.title, "Heading of the page; default: the studies' names");
    app.add_option("--published", o.published, "Accuracies to set beside these")->type_name("FILE");
    o.names_option = app.add_option("--published-name", o.names, "A method here, and its published name")->allow_extra_args(false)->type_name("METHOD=NAME");
    app.add_flag("--unfinished", o.unfinished, "Report what is done of a study that is not");
}

// A method here, the published name: "untuned" is told by itself, others of the same name, too.
std::map<std::string, std::string> published_names(const Options& o, const report::StudyReport& report) {
    std::map<std::string, std::string> out;
    std::vector<std::string> known;
    for (const auto& part : report.parts)
        for (const auto& label : part.tuning.by_subject.label) {
            known.push_back(label);
            if (report.published->has_method(label)) out[label] = label;
        }
    for (const auto& text : o.names) {
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) throw UsageError("--published-name: expected METHOD=NAME, found '" + text + "'");
        const std::string ours = text.substr(0, equals), theirs = text.substr(equals + 1);
        if (std::find(known.begin(), known.end(), ours) == known.end()) throw UsageError(fmt::format("--published-name {}: no study has this method", text), "there are " + join(known));
        if (!report.published->has_method(theirs)) throw UsageError(fmt::format("--published-name {}: {} has no such method", text, o.published.string()), "it has " + report.published->methods());
        out[ours] = theirs;
    }
    return out;
}

void run(const Options& o, cli::Context& context) {
    if (o.published.empty()) cli::refuse_idle({o.names_option}, "without --published");
    std::vector<std::filesystem::path> inputs = o.studies;
    if (!o.published.empty()) inputs.push_back(o.published);
    check_distinct({{"-o", context.output}}, inputs);
    h5::check_target(context.output, context.overwrite, "text");
    report::svg("plot x", 100, 100);  // is gnuplot there?
    report::StudyReport report;
    std::vector<std::string> names;
    for (const auto& file : o.studies) {
        const study::Study study = study::read_study(file);
        if (std::find(names.begin(), names.end(), study.name) != names.end()) throw UsageError(fmt::format("two studies are named '{}'", study.name), "key name of their tables");
        names.push_back(study.name);
        report.parts.push_back(study::read_results(study, o.unfinished));
        for (const auto& note : report.parts.back().notes) context.info(note);
    }
    report.title = o.title.empty() ? join(names, ", ") : o.title;
    if (!o.published.empty()) {
        report.published.emplace(o.published);
        report.published_names = published_names(o, report);
    }
    const auto rows = report::study_rows(report);
    const std::string page = report::study_page(report, rows);
    context.result(context.json ? report::study_json(rows).dump(2) + '\n' : report::study_tsv(rows));
    context.flush_results();
    StagedFile(context.output, {page}, WriteOptions{.overwrite = context.overwrite}).commit();
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.output = true, .seed = false, .threads = false, .device = false, .json = true}, declare, run);
}
