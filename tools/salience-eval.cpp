// SPDX-License-Identifier: BSD-3-Clause
// salience-eval: do networks of the left and of the right hemisphere look at different halves of the same pictures? Reads kind
// salience, writes kind lateralization.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "cli/ranges.hpp"
#include "cli/row.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "core/output_file.hpp"
#include "core/text.hpp"
#include "datasets/dataset.hpp"
#include "report/contact_sheet.hpp"
#include "report/html.hpp"
#include "salience/laterality.hpp"
#include "salience/lateralization.hpp"

namespace {

using namespace cortune;

struct Options {
    std::vector<std::filesystem::path> files;
    std::int64_t resamples = 10000;
    bool allow_tuned = false;
    std::filesystem::path sheet, data;
    int sheet_pictures = 12;
    std::vector<cli::Option*> of_sheet;
};

const cli::Doc doc{
    .name = "salience-eval",
    .summary = "compare where networks of the two hemispheres look",
    .description =
        {"Pairs the salience maps of a network tuned to a region's left hemisphere with those of the one tuned to its right hemisphere: same backbone, subject, region, score, layer and method of maps, and the "
         "pictures that both have, where both maps are of the same class. Maps of a response that a network predicts are paired by the response's hemisphere. \"contralateral\" is half of the right side's index minus the left "
         "side's: above 0 where the right hemisphere's maps lie further left than the left hemisphere's, as the visual fields of the hemispheres do. Whether each lies in its own half is for left and right to say.",
         "Standard output has a row a pair and band of eccentricity: the mean index of either side, contralateral with a 95 % interval over pictures, p (two-sided; within a picture the two are exchangeable), "
         "permutation_p (all indices dealt anew: less power, no pairing), q over pairs; with --flip-control's maps the same of the mirrored pictures, where what is of the networks keeps its sign; changes_sign, the share of maps whose "
         "index changes sign with the picture (near 1 for what is in the pictures, near 0 for what is of a network); and with the untuned network's maps of the same class or logit what tuning changed.",
         "Interval and p are over pictures: they say that these two networks differ, as any two do a little where pictures are many. Whether hemispheres differ takes several subjects: rows of the kind region have the mean over "
         "subjects, each the mean over its pairs (seeds), and the p of random signs of the subjects.",
         "Pictures that tuned one of the networks or fitted a score (a probe, a readout) are left out; --allow-tuned-images admits them and marks the file. --sheet draws a page of the pictures that a region answers to most, with both maps."},
    .examples = {{"a region's two networks and the untuned one", "salience-eval lh.salience.h5 rh.salience.h5 untuned.salience.h5 -o v1v.lateral.h5"},
                 {"with a contact sheet", "salience-eval lh.pair.h5 rh.pair.h5 --sheet v1v.html --data subj01.h5 -o v1v.lateral.h5"}},
    .reads = {"FILES: files of kind salience", "--data: a file of kind dataset"},
    .writes = {"-o: a file of kind lateralization", "stdout: a table, TSV or with --json JSON", "--sheet: HTML"},
    .see_also = {"salience-map(1)", "cl-finetune(1)", "cortune(5)"}};

void declare(cli::App& app, Options& o) {
    app.add_option("FILES", o.files, "Salience maps of networks of both hemispheres, and of untuned ones")->required()->type_name("FILE");
    app.add_option("--resamples", o.resamples, "Bootstrap draws, random signs and permutations")->check(cli::whole_between(100, 1000000))->capture_default_str()->type_name("INT");
    app.add_flag("--allow-tuned-images", o.allow_tuned, "Also compare pictures that tuned the networks or fitted the scores, and say so");
    app.add_option("--sheet", o.sheet, "Page of the pictures that each region answers to most")->type_name("HTML");
    o.of_sheet = {app.add_option("--data", o.data, "Of --sheet: data set with these pictures and the responses")->type_name("FILE"),
                  app.add_option("--sheet-pictures", o.sheet_pictures, "Of --sheet: pictures a region")->check(cli::whole_between(1, 1000))->capture_default_str()->type_name("INT")};
}

std::string band_text(std::size_t band) {
    if (band == salience::whole_picture) return "all";
    return fmt::format("{}-{}", band == 1 ? 0 : salience::band_edges[band - 2], salience::band_edges[band - 1]);
}

nlohmann::ordered_json row_of(const salience::LateralPair& p, std::size_t band, bool optimistic) {
    const auto& b = p.band[band];
    const std::string score = p.score.kind + (p.score.of.empty() ? "" : ' ' + p.score.of);
    return {{"row", "pair"}, {"subject", p.score.subject}, {"roi", p.score.roi}, {"tuning", p.method}, {"score", score}, {"layer", p.layer}, {"maps", p.map_method}, {"band", band_text(band)}, {"n", b.contralateral.n}, {"left", b.left.mean}, {"right", b.right.mean},
            {"contralateral", b.contralateral.mean}, {"low", b.contralateral.low}, {"high", b.contralateral.high}, {"p", b.contralateral.p}, {"permutation_p", b.exchange_p},
            {"q", band == salience::whole_picture ? p.q : std::nan("")}, {"optimistic", optimistic && p.left_out > 0 ? 1 : 0}, {"mirrored", b.mirrored.mean}, {"mirrored_p", b.mirrored.p}, {"changes_sign", b.changes_sign}, {"flip_r", b.flip_r},
            {"left_minus_untuned", b.left_gain.mean}, {"left_minus_untuned_p", b.left_gain.p}, {"right_minus_untuned", b.right_gain.mean}, {"right_minus_untuned_p", b.right_gain.p}};
}

nlohmann::ordered_json table_of(const salience::Lateralization& l) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const auto& p : l.pairs)
        for (std::size_t band = 0; band < p.band.size(); ++band) rows.push_back(row_of(p, band, l.optimistic));
    const nlohmann::ordered_json first = rows[0];
    for (const auto& g : l.groups) {
        if (g.subjects < 2) continue;
        nlohmann::ordered_json row;
        for (const auto& [name, value] : first.items()) row[name] = std::nan("");
        row["row"] = "region", row["subject"] = fmt::format("{} subjects", g.subjects), row["roi"] = g.label, row["n"] = g.subjects, row["contralateral"] = g.contralateral, row["p"] = g.p;
        rows.push_back(row);
    }
    return rows;
}

const salience::SalienceFile& by_uuid(const std::vector<salience::SalienceFile>& files, const std::string& uuid) {
    return *std::find_if(files.begin(), files.end(), [&](const auto& f) { return f.input().uuid() == uuid; });
}

std::string sheet_page(const Options& o, const salience::Lateralization& l, const std::vector<salience::SalienceFile>& files, const datasets::DatasetFile& data) {
    std::string out = report::page_head("What the regions answer to, and where their networks look");
    bool empty = true;
    for (const auto& p : l.pairs) {
        if (p.score.subject != data.header().subject) continue;
        empty = false;
        out += fmt::format("<h2>{}</h2>\n", report::escaped(p.label()));
        out += report::contact_sheet(data, {p.score.roi_class, p.score.roi}, by_uuid(files, p.left_uuid), by_uuid(files, p.right_uuid), o.sheet_pictures);
    }
    if (empty) throw BadInput(fmt::format("{}: the data of {}, whose responses none of the maps is of", data.where(), data.header().subject), "--data names the data set of a subject of these networks");
    return out + report::page_end();
}

void say(const salience::Lateralization& l, cli::Context& context) {
    for (const auto& path : l.unpaired) context.warn(path + ": no counterpart of the other hemisphere among the files");
    for (const auto& p : l.pairs) {
        if (p.left_out > 0)
            context.info(l.optimistic ? fmt::format("{}: {} of the pictures tuned a network or fitted a score, and are compared: optimistic", p.label(), p.left_out)
                                      : fmt::format("{}: {} pictures that tuned a network or fitted a score are left out", p.label(), p.left_out));
        if (p.other_class > 0) context.info(fmt::format("{}: {} pictures are left out, whose two maps are of different classes", p.label(), p.other_class));
    }
}

void run(const Options& o, cli::Context& context) {
    if (o.sheet.empty()) cli::refuse_idle(o.of_sheet, "without --sheet");
    else if (o.data.empty()) throw UsageError("--sheet needs --data", "the data set with the pictures and the responses");
    std::vector<std::filesystem::path> inputs = o.files;
    if (!o.data.empty()) inputs.push_back(o.data);
    check_distinct({{"-o", context.output}, {"--sheet", o.sheet}}, inputs);
    if (!o.sheet.empty()) h5::check_target(o.sheet, context.overwrite, "text");
    if (!context.output.empty()) h5::check_target(context.output, context.overwrite, "lateralization");
    h5::Record record = context.record();
    std::vector<salience::SalienceFile> files;
    for (const auto& path : o.files) {
        files.emplace_back(path);
        files.back().input().register_in(record);
    }
    std::optional<const datasets::DatasetFile> data;
    if (!o.sheet.empty()) data.emplace(o.data), data->input().register_in(record);
    const auto found = salience::compare_hemispheres(files, {o.resamples, o.allow_tuned, static_cast<std::uint64_t>(context.seed), context.threads});
    say(found, context);
    if (data) write_bytes(o.sheet, {sheet_page(o, found, files, *data)}, {.overwrite = context.overwrite});
    if (!context.output.empty()) salience::write_lateralization(context.output, record, context.overwrite, found);
    const auto rows = table_of(found);
    context.result(context.json ? rows.dump(2) + "\n" : cli::tsv_rows(rows));
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.output = true, .output_optional = true, .seed = true, .json = true}, declare, run);
}
