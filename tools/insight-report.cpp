// SPDX-License-Identifier: BSD-3-Clause
// insight-report: what tuned networks see, on one page. Reads files of kind probe, landscape, information, fields, salience and
// lateralization; writes HTML.
#include <fmt/format.h>

#include <map>

#include "cli/ranges.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "core/output_file.hpp"
#include "h5/file.hpp"
#include "report/gnuplot.hpp"
#include "report/insight_report.hpp"

namespace {

using namespace cortune;

struct Options {
    std::vector<std::filesystem::path> files, controls, data;
    std::string title = "What the tuned networks see";
    std::vector<std::string> notes;
    int sheet_pictures = 8;
    cli::Option* of_data = nullptr;
};

const cli::Doc doc{
    .name = "insight-report",
    .summary = "what tuned networks see, on one page",
    .description =
        {"One HTML page that needs no network, of any files of these kinds: where predicted responses come from (fields), whether the networks of the two hemispheres look at different halves (lateralization), the "
         "landscape of networks, what their classifiers tell apart (probe), what embeddings and responses know of each other (information), and whether maps say anything (salience). Figures come first; a sentence below each "
         "says what is significant, at a false discovery rate of 5 % over the comparisons of the figure, and what is not; numbers and commands are folded away.",
         "With --data and the salience files of a lateralization, also contact sheets: the pictures that a region answers to most, with the maps of both hemispheres."},
    .examples = {{"everything", "insight-report *.probe.h5 landscape.h5 *.information.h5 fields.h5 *.salience.h5 lateral.h5 --data subj01.h5 -o insight.html"}},
    .reads = {"FILES: files of kind probe, landscape, information, fields, salience, lateralization", "--data: files of kind dataset"},
    .writes = {"-o: HTML, one page"},
    .see_also = {"class-probe(1)", "model-landscape(1)", "mi-bound(1)", "field-map(1)", "salience-map(1)", "salience-eval(1)"}};

void declare(cli::App& app, Options& o) {
    app.add_option("FILES", o.files, "What the other tools found")->required()->type_name("FILE");
    app.add_option("--control", o.controls, "Lateralization where there should be none: shown, and not counted")->allow_extra_args(false)->type_name("FILE");
    app.add_option("--data", o.data, "Data set of a subject, for contact sheets")->allow_extra_args(false)->type_name("FILE");
    o.of_data = app.add_option("--sheet-pictures", o.sheet_pictures, "Of --data: pictures a region")->check(cli::whole_between(1, 1000))->capture_default_str()->type_name("INT");
    app.add_option("--title", o.title, "Heading of the page")->capture_default_str();
    app.add_option("--note", o.notes, "Paragraph below it")->allow_extra_args(false)->type_name("TEXT");
}

class Files {
  public:
    Files(report::InsightReport& report, h5::Record& record) : report_(report), record_(record) {}
    void add(const std::filesystem::path& path) {
        const h5::Input input = open(path, {"probe", "landscape", "information", "fields", "salience", "lateralization"});
        const std::string kind = input.kind();
        if (kind == "probe") report_.probes.emplace_back(path);
        else if (kind == "landscape") report_.landscapes.push_back(landscape::read_landscape(input));
        else if (kind == "information") report_.information.push_back(probe::read_information(input));
        else if (kind == "fields") report_.fields.emplace_back(path);
        else if (kind == "salience") report_.salience.emplace_back(path);
        else report_.lateralization.push_back(salience::read_lateralization(input));
    }
    void add_control(const std::filesystem::path& path) { report_.controls.push_back(salience::read_lateralization(open(path, {"lateralization"}))); }

  private:
    h5::Input open(const std::filesystem::path& path, const std::vector<std::string>& kinds) {
        h5::Input input(path, kinds);
        if (const auto [at, fresh] = seen_.emplace(input.uuid(), path.string()); !fresh) throw BadInput(fmt::format("{} and {} are one file", at->second, path.string()), "give each once");
        input.register_in(record_);
        return input;
    }
    report::InsightReport& report_;
    h5::Record& record_;
    std::map<std::string, std::string> seen_;  // uuid → path
};

void run(const Options& o, cli::Context& context) {
    if (o.data.empty()) cli::refuse_idle({o.of_data}, "without --data");
    std::vector<std::filesystem::path> inputs = o.files;
    inputs.insert(inputs.end(), o.controls.begin(), o.controls.end());
    inputs.insert(inputs.end(), o.data.begin(), o.data.end());
    check_distinct({{"-o", context.output}}, inputs);
    h5::check_target(context.output, context.overwrite, "text");
    report::InsightReport r;
    r.title = o.title, r.notes = o.notes, r.sheet_pictures = o.sheet_pictures;
    h5::Record record = context.record();
    Files files(r, record);
    for (const auto& path : o.files) files.add(path);
    for (const auto& path : o.controls) files.add_control(path);
    for (const auto& path : o.data) {
        r.data.emplace_back(path);
        r.data.back().input().register_in(record);
    }
    r.provenance = record.ancestry;
    write_bytes(context.output, {report::insight_page(r)}, {.overwrite = context.overwrite});
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.output = true}, declare, run);
}
