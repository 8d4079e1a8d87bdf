// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <numbers>

#include "report/forest.hpp"
#include "report/gnuplot.hpp"
#include "report/html.hpp"
#include "report/insight_report.hpp"
#include "report/landscape_report.hpp"
#include "stats/significance.hpp"

namespace cortune::report {
Finding probe_finding(const std::vector<probe::ProbeFile>& probes) {
    Finding out;
    out.figure = {"classification", "What the networks still tell apart", "Top-1 accuracy of a linear classifier on a tuned network's features, minus that of the network it was compared with, in points of per cent.", "", 900, true};
    std::vector<Estimate> rows;
    std::vector<double> p;
    std::vector<std::vector<std::string>> cells;
    std::string untuned;
    bool optimistic = false, others = false;
    for (const auto& f : probes) {
        const auto& h = f.header();
        const auto interval = f.top1_interval();
        const auto c = f.comparison();
        optimistic = optimistic || h.optimistic;
        if (h.roi.empty()) untuned += fmt::format(" The untuned network's classifier is right for {:.1f} % ({:.1f} … {:.1f}) of {} pictures of {} classes.", 100 * f.top1(), 100 * interval.low, 100 * interval.high, f.images(), f.classes());
        std::string label = weights::network_label(h);
        if (c && c->reference != "untuned") label += " − " + (c->reference.empty() ? std::string("?") : c->reference), others = true;
        if (c) rows.push_back({label, 100 * c->difference, 100 * c->interval.low, 100 * c->interval.high, false}), p.push_back(c->mcnemar_p);
        cells.push_back({escaped(label), escaped(h.layer), std::to_string(f.images()), cell(100 * f.top1(), "{:.1f} %"), interval_cell(100 * interval.low, 100 * interval.high, "{:.1f}"),
                         c ? cell(100 * c->difference, "{:+.1f}") : "–", c ? interval_cell(100 * c->interval.low, 100 * c->interval.high, "{:+.1f}") : "–", c ? p_text(c->mcnemar_p) : "–", optimistic_mark(h.optimistic)});
    }
    const auto counted = mark_significant(rows, p);
    out.figure.svg = forest(rows, "top-1, difference (points of per cent)", by_rate, optimistic, "probes");
    if (rows.empty()) out.sentence = "No probe was compared with another (class-probe --reference).";
    else
        out.sentence = fmt::format("<b>{} classify significantly worse than {}, {} better</b>; of the others no difference is shown (McNemar).", share_text(counted.below, rows.size(), "networks"),
                                   others ? "what they were compared with" : "the untuned one", counted.above);
    out.sentence += untuned;
    out.table = table_html({"<network", "<layer", "pictures", "top-1", "95 %", "difference", "95 %", "p (McNemar)", "<"}, cells);
    return out;
}

Finding landscape_finding(const landscape::Landscape& l, std::size_t number) {
    Finding out;
    const auto figure = landscape_figure(l);
    out.figure = {fmt::format("landscape-{}", number), "The landscape of networks", fmt::format("Networks by what their classifiers say of {} pictures: Bhattacharyya divergence, InPCA.", l.images),
                  svg(figure.script, figure.width, figure.height, fmt::format("landscape{}", number)), figure.width, true};
    std::vector<double> p;
    for (const auto& g : l.groups) p.push_back(g.p);
    const auto q = stats::benjamini_hochberg(p);
    std::vector<std::vector<std::string>> cells;
    for (std::size_t i = 0; i < l.groups.size(); ++i) {
        const auto& g = l.groups[i];
        out.sentence += fmt::format("Networks of the same {} lie {} (effect {:+.2f}, p {}). ", escaped(g.factor == "roi" ? "region" : g.factor), q[i] < false_discovery_rate ? "<b>significantly closer</b> to each other than to others" : "not significantly closer to each other than to others", g.effect, p_text(g.p));
        cells.push_back({escaped(g.factor), cell(g.within, "{:.4f}"), cell(g.between, "{:.4f}"), cell(g.effect, "{:.2f}"), p_text(g.p), escaped(g.exchange)});
    }
    if (l.groups.empty()) out.sentence = "Nothing to compare: that takes networks of which some are alike in a subject, hemisphere, region or method and others are not.";
    else out.table = table_html({"<factor", "mean divergence within", "between", "effect", "p", "<exchange"}, cells);
    return out;
}

Finding information_finding(const std::vector<probe::Information>& all) {
    Finding out;
    constexpr double bit = std::numbers::log2e;
    out.figure = {"information", "What embeddings and responses know of each other", "InfoNCE bound of held-out pairs, in bits, with 95 % intervals over pictures; the temperature was chosen on others.", "", 900, true};
    std::vector<Estimate> rows;
    std::vector<std::vector<std::string>> cells;
    std::int64_t above = 0, saturated = 0;
    for (const auto& i : all) {
        const std::string label = i.subject + (i.hemisphere == "all" ? "" : ' ' + i.hemisphere) + ' ' + i.roi;
        above += i.interval.low > 0, saturated += i.saturated;
        rows.push_back({label, i.bound * bit, i.interval.low * bit, i.interval.high * bit, i.interval.low > 0});
        cells.push_back({escaped(label), std::to_string(i.pairs), cell(i.bound * bit, "{:.2f}"), interval_cell(i.interval.low * bit, i.interval.high * bit, "{:.2f}"), cell(i.ceiling * bit, "{:.2f}"), i.saturated ? "<span class=warn>saturated</span>" : ""});
    }
    out.figure.svg = forest(rows, "at least so many bits", {"interval above 0", "interval holds 0"}, false, "information");
    out.sentence = fmt::format("<b>The interval of {} is above zero.</b> {}", share_text(above, all.size(), "bounds"), saturated > 0 ? share_text(saturated, all.size(), "are near their ceiling, log K: more pairs could show more.") : std::string("None is near its ceiling, log K."));
    out.table = table_html({"<network", "pairs K", "bits, at least", "95 %", "ceiling", "<"}, cells);
    return out;
}

}  // namespace cortune::report
