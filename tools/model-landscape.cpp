// SPDX-License-Identifier: BSD-3-Clause
// model-landscape: distances and maps of models by what their probes say of the same pictures. Reads kind probe, writes
// kind landscape. Method: Mao et al. 2024 (PNAS), Quinn et al. 2019 (PNAS).
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <set>

#include "cli/ranges.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "core/output_file.hpp"
#include "core/system.hpp"
#include "core/text.hpp"
#include "landscape/landscape_file.hpp"
#include "probe/probe_file.hpp"
#include "report/landscape_report.hpp"
#include "report/gnuplot.hpp"

namespace {

using namespace cortune;

struct Options {
    std::vector<std::string> probes, placed;
    std::filesystem::path map, html;
    std::string memory;
    bool no_points = false;
    std::int64_t permutations = 10000;
};

const cli::Doc doc{
    .name = "model-landscape",
    .summary = "map models by what they say of the same pictures",
    .description =
        {"From the class probabilities that class-probe kept of many networks: the Bhattacharyya divergence of every two, its InPCA map with "
         "signed eigenvalues, classical scaling of the angles between them for comparison, and whether tuned models of one subject, "
         "hemisphere, region or method lie closer to each other than to others (permuted labels, effect size). The points oracle (the true "
         "classes) and ignorance (all classes alike) stand in the map.",
         "PROBE may be LABEL=FILE; else the file's name is the label. --place puts models into the map that had no part in it.",
         "All probes are of the same pictures and classes. They are read in blocks: 400 networks with 10,000 pictures and 1,000 classes fit in any memory."},
    .examples = {{"a map with its page", "model-landscape untuned.probe.h5 v1v.probe.h5 ppa.probe.h5 --html landscape.html --map landscape.svg -o landscape.h5"},
                 {"where one more model lies", "model-landscape probes/*.h5 --place new=new.probe.h5 -o landscape.h5"}},
    .reads = {"PROBE, --place: files of kind probe"},
    .writes = {"-o: a file of kind landscape", "--map: SVG or PNG, by the name's ending", "--html: a page", "stdout: a table of the groups, TSV or with --json JSON"},
    .see_also = {"class-probe(1)", "feature-extract(1)", "cortune(5)"},
    .references = {"Quinn, Clement, De Bernardis, Niemack & Sethna 2019: Visualizing probabilistic models and data with Intensive Principal Component Analysis. PNAS 116.",
                   "Mao et al. 2024: The training process of many deep networks explores the same low-dimensional manifold. PNAS 121.",
                   "Gower 1968: Adding a point to vector diagrams in multivariate analysis. Biometrika 55."}};

void declare(cli::App& app, Options& o) {
    app.add_option("PROBE", o.probes, "Probes of networks, two or more: FILE or LABEL=FILE")->required()->type_name("PROBE");
    app.add_option("--place", o.placed, "Probe(s) of networks to place in the map without changing it")->allow_extra_args(false)->type_name("PROBE");
    app.add_flag("--no-points", o.no_points, "Leave out the oracle and ignorance");
    app.add_option("--map", o.map, "Draw the map, coloured by what models differ in; SVG or PNG (needs gnuplot)")->type_name("FILE");
    app.add_option("--html", o.html, "Write an interactive page")->type_name("FILE");
    app.add_option("--permutations", o.permutations, "Permutations of labels")->check(cli::whole_between(1, 1000000))->capture_default_str()->type_name("INT");
    app.add_option("--memory", o.memory, "Memory for blocks of pictures, e.g. 2G; default: a quarter of what is free")->type_name("SIZE");
}

using Probes = std::vector<std::unique_ptr<probe::ProbeFile>>;

void open_probes(const std::vector<std::string>& names, bool placed, Probes& files, landscape::Landscape& out, h5::Record& record) {
    for (const auto& name : names) {
        // A file's own name may have an equals sign.
        const auto equals = std::filesystem::exists(name) ? std::string::npos : name.find('=');
        if (equals == 0) throw UsageError(fmt::format("'{}': a label before the equals sign, or a file's name", name));
        const std::filesystem::path path = equals == std::string::npos ? name : name.substr(equals + 1);
        auto file = std::make_unique<probe::ProbeFile>(path);
        file->input().register_in(record);
        const auto& h = file->header();
        if (!files.empty()) probe::check_same_test(files[0]->header(), files[0]->input().path().string(), h, path.string());
        std::string stem = path.filename().string();
        for (const char* ending : {".h5", ".probe"})
            if (stem.ends_with(ending)) stem.resize(stem.size() - std::string(ending).size());
        landscape::Point p{equals == std::string::npos ? stem : name.substr(0, equals), true, placed, h.backbone, h.method, h.subjects, h.hemisphere, h.roi_class, h.roi, h.model_uuid,
                           file->input().root().attr_double("top1")};
        out.points.push_back(p);
        if (h.optimistic) out.optimistic_reason += fmt::format("{}{}: {}", out.optimistic_reason.empty() ? "" : "; ", p.label, h.optimistic_reason);
        if (!files.empty()) file->forget_images();
        files.push_back(std::move(file));
    }
}

// The true classes; and all classes alike, which has 1 in `classes` right.
void add_points(landscape::Landscape& out) {
    landscape::Point oracle, ignorance;
    oracle.label = "oracle", ignorance.label = "ignorance";
    oracle.model = ignorance.model = false;
    oracle.top1 = 1, ignorance.top1 = 1. / static_cast<double>(out.classes);
    out.points.push_back(oracle), out.points.push_back(ignorance);
}

void check_labels(const landscape::Landscape& l) {
    std::set<std::string> known;
    for (const auto& p : l.points)
        if (!known.insert(p.label).second) throw UsageError(fmt::format("two models are called '{}'", p.label), "LABEL=FILE gives a file another name");
}

// What a point says of pictures; files are those of the models, in the order of the points.
landscape::ProbabilityReader reader(const landscape::Landscape& l, const Probes& files) {
    std::vector<const probe::ProbeFile*> of;
    std::size_t next = 0;
    for (const auto& p : l.points) of.push_back(p.model ? files[next++].get() : nullptr);
    return [&l, of, &files](std::int64_t point, std::int64_t first, std::int64_t count, float* out) {
        const auto k = l.classes;
        if (const auto* file = of[static_cast<std::size_t>(point)]) {
            const auto p = file->probability(first, count);
            std::copy(p.data(), p.data() + p.size(), out);
        } else if (l.points[static_cast<std::size_t>(point)].label == "oracle") {
            std::fill(out, out + count * k, 0.f);
            for (std::int64_t i = 0; i < count; ++i) out[i * k + files[0]->header().label[static_cast<std::size_t>(first + i)]] = 1;
        } else {
            std::fill(out, out + count * k, 1.f / static_cast<float>(k));
        }
    };
}

void print(const landscape::Landscape& l, cli::Context& context) {
    if (context.json) {
        nlohmann::ordered_json out = {{"models", l.points.size()}, {"images", l.images}, {"classes", l.classes}, {"optimistic", l.optimistic_reason.empty() ? 0 : 1}, {"optimistic_reason", l.optimistic_reason}, {"groups", nlohmann::ordered_json::array()}};
        for (Eigen::Index k = 0; k < std::min<Eigen::Index>(l.inpca.eigenvalue.size(), 3); ++k)
            out["axes"].push_back({{"eigenvalue", l.inpca.eigenvalue(k)}, {"explained", l.inpca.explained(k)}});
        for (const auto& g : l.groups)
            out["groups"].push_back({{"factor", g.factor}, {"pairs_within", g.within_pairs}, {"pairs_between", g.between_pairs}, {"within", g.within}, {"between", g.between}, {"effect", g.effect}, {"p", g.p}, {"exchange", g.exchange}});
        return context.result(out.dump(2) + "\n");
    }
    context.result("factor\tpairs_within\tpairs_between\twithin\tbetween\teffect\tp\texchange\toptimistic\n");
    for (const auto& g : l.groups)
        context.result(fmt::format("{}\t{}\t{}\t{:.6g}\t{:.6g}\t{:.6g}\t{:.6g}\t{}\t{}\n", g.factor, g.within_pairs, g.between_pairs, g.within, g.between, g.effect, g.p, g.exchange,
                                   l.optimistic_reason.empty() ? 0 : 1));
}

void run(const Options& options, cli::Context& context) {
    h5::check_target(context.output, context.overwrite, "landscape");
    const std::string ending = options.map.extension().string();
    if (!options.map.empty() && ending != ".svg" && ending != ".png") throw UsageError("--map: a name that ends in .svg or .png");
    if (!options.map.empty()) h5::check_target(options.map, context.overwrite, ending == ".svg" ? "text" : "other");
    if (!options.html.empty()) h5::check_target(options.html, context.overwrite, "text");
    check_distinct({{"-o", context.output}, {"--map", options.map}, {"--html", options.html}}, {});
    h5::Record record = context.record();
    landscape::Landscape l;
    Probes files;
    open_probes(options.probes, false, files, l, record);
    if (files.size() < 2) throw UsageError("two probes at least");
    l.images = files[0]->images(), l.classes = files[0]->classes();
    if (!options.no_points) add_points(l);
    open_probes(options.placed, true, files, l, record);
    check_labels(l);
    if (!l.optimistic_reason.empty()) context.warn("optimistic: " + l.optimistic_reason);
    const auto memory = options.memory.empty() ? available_memory() / 4 : parse_bytes(options.memory);
    l.distance = landscape::distances(static_cast<std::int64_t>(l.points.size()), l.images, l.classes, reader(l, files), memory, context.threads, context);
    landscape::finish(l, options.permutations, static_cast<std::uint64_t>(context.seed));
    // All of them get their names together.
    const WriteOptions how{.overwrite = context.overwrite};
    std::optional<StagedFile> map, page;
    if (!options.map.empty()) {
        const auto figure = report::landscape_figure(l);
        const auto image = ending == ".svg" ? report::svg(figure.script, figure.width, figure.height, "landscape") : report::png(figure.script, figure.width, figure.height);
        map.emplace(options.map, std::initializer_list<std::string_view>{ending == ".svg" ? "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" : "", image}, how);
    }
    if (!options.html.empty()) page.emplace(options.html, std::initializer_list<std::string_view>{report::landscape_page(l, context.output.stem().string())}, how);
    landscape::write_landscape(context.output, record, context.overwrite, l);
    if (map) map->commit();
    if (page) page->commit();
    print(l, context);
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.output = true, .seed = true, .json = true}, declare, run);
}
