// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "report/gnuplot.hpp"
#include "report/html.hpp"
#include "report/insight_report.hpp"
#include "report/landscape_report.hpp"
#include "report/palette.hpp"
#include "stats/significance.hpp"

namespace cortune::report {
namespace {

// An estimate with its interval, a row of a figure.
struct Estimate {
    std::string label;
    double value, low, high;
    bool significant;
};

// From top to bottom, with a line at zero; what is significant is filled.
std::string forest(const std::vector<Estimate>& rows, const std::string& axis, bool optimistic, const std::string& prefix) {
    std::string tics, data[2];
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto y = static_cast<double>(rows.size() - i);
        tics += fmt::format("{}{} {}", i ? ", " : "", quoted(rows[i].label), y);
        data[rows[i].significant ? 1 : 0] += fmt::format("{:.6g} {} {} {}\n", rows[i].value, y, number_text(rows[i].low, "NaN"), number_text(rows[i].high, "NaN"));
    }
    std::string plots;
    std::string script = figure_style(optimistic) + fmt::format("set xlabel {}\nset ytics ({}) noenhanced\nset yrange [0.3:{}]\nset xzeroaxis\nset arrow 1 from 0, graph 0 to 0, graph 1 nohead lc rgb '#999999'\nset grid xtics noytics\n", quoted(axis), tics, static_cast<double>(rows.size()) + .7);
    for (const int filled : {1, 0}) {
        if (data[filled].empty()) continue;
        script += fmt::format("$rows{} << EOD\n{}EOD\n", filled, data[filled]);
        plots += fmt::format("{0}$rows{1} using 1:2:3:4 with xerrorbars pt {2} ps 1 lc rgb '#0072B2' title '{3}'", plots.empty() ? "" : ", ", filled, filled ? 7 : 6, filled ? "significant" : "not significant");
    }
    return svg(script + "plot " + plots, 900, 120 + 26 * static_cast<int>(rows.size()), prefix);
}

std::string p_text(double p) { return !std::isfinite(p) ? "–" : p < 1e-4 ? "&lt; 0.0001" : fmt::format("{:.4f}", p); }

std::string share_text(std::int64_t part, std::size_t whole, const char* what) { return fmt::format("{} of {} {}", part, whole, what); }

}  // namespace

Finding probe_finding(const std::vector<probe::ProbeFile>& probes) {
    Finding out;
    out.figure = {"classification", "What the networks still tell apart", "Top-1 accuracy of a linear classifier on a tuned network's features, minus the untuned network's, in points of per cent.", "", 900, true};
    std::vector<Estimate> rows;
    std::vector<double> p;
    std::vector<std::vector<std::string>> cells;
    std::string untuned;
    bool optimistic = false;
    for (const auto& f : probes) {
        const auto& h = f.header();
        const auto interval = f.top1_interval();
        const auto c = f.comparison();
        optimistic = optimistic || h.optimistic;
        if (h.roi.empty()) untuned += fmt::format(" The untuned network's classifier is right for {:.1f} % ({:.1f} … {:.1f}) of {} pictures of {} classes.", 100 * f.top1(), 100 * interval.low, 100 * interval.high, f.images(), f.classes());
        if (c) rows.push_back({network_label(h), 100 * c->difference, 100 * c->interval.low, 100 * c->interval.high, false}), p.push_back(c->mcnemar_p);
        cells.push_back({escaped(network_label(h)), escaped(h.layer), std::to_string(f.images()), cell(100 * f.top1(), "{:.1f} %"), interval_cell(100 * interval.low, 100 * interval.high, "{:.1f}"),
                         c ? cell(100 * c->difference, "{:+.1f}") : "–", c ? interval_cell(100 * c->interval.low, 100 * c->interval.high, "{:+.1f}") : "–", c ? p_text(c->mcnemar_p) : "–", optimistic_mark(h.optimistic)});
    }
    const auto q = stats::benjamini_hochberg(p);
    std::int64_t better = 0, worse = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i].significant = q[i] < false_discovery_rate;
        better += rows[i].significant && rows[i].value > 0, worse += rows[i].significant && rows[i].value < 0;
    }
    if (!rows.empty()) {
        out.figure.svg = forest(rows, "top-1, tuned − untuned (points of per cent)", optimistic, "probes");
        out.sentence = fmt::format("<b>{} classify significantly worse than the untuned one, {} better</b>; of the others no difference is shown (McNemar).", share_text(worse, rows.size(), "tuned networks"), better);
    } else out.sentence = "No probe was compared with another (class-probe --reference).";
    out.sentence += untuned;
    out.table = table_html({"<network", "<layer", "pictures", "top-1", "95 %", "minus untuned", "95 %", "p (McNemar)", "<"}, cells);
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
    if (l.groups.empty()) out.sentence = "No two networks share a subject, hemisphere, region or method: nothing to compare.";
    else out.table = table_html({"<factor", "mean divergence within", "between", "effect", "p", "<exchange"}, cells);
    return out;
}

Finding information_finding(const std::vector<probe::Information>& all) {
    Finding out;
    constexpr double bit = 1.4426950408889634;
    out.figure = {"information", "What embeddings and responses know of each other", "InfoNCE bound of held-out pairs, in bits; the temperature was chosen on others.", "", 900, true};
    std::vector<Estimate> rows;
    std::vector<std::vector<std::string>> cells;
    std::int64_t above = 0, saturated = 0;
    for (const auto& i : all) {
        const std::string label = i.subject + (i.hemisphere == "all" ? "" : ' ' + i.hemisphere) + ' ' + i.roi;
        const bool known = i.interval.low > 0;
        above += known, saturated += i.saturated;
        rows.push_back({label, i.bound * bit, i.interval.low * bit, i.interval.high * bit, known});
        cells.push_back({escaped(label), std::to_string(i.pairs), cell(i.bound * bit, "{:.2f}"), interval_cell(i.interval.low * bit, i.interval.high * bit, "{:.2f}"), cell(i.ceiling * bit, "{:.2f}"), i.saturated ? "<span class=warn>saturated</span>" : ""});
    }
    out.figure.svg = forest(rows, "at least so many bits (filled: the interval is above 0)", false, "information");
    out.sentence = fmt::format("<b>{} are surely above zero.</b> {}", share_text(above, all.size(), "bounds"), saturated > 0 ? share_text(saturated, all.size(), "are near their ceiling, log K: more pairs could show more.") : std::string("None is near its ceiling, log K."));
    out.table = table_html({"<network", "pairs K", "bits, at least", "95 %", "ceiling", "<"}, cells);
    return out;
}

Finding lateral_finding(const std::vector<salience::Lateralization>& files) {
    Finding out;
    out.figure = {"lateralization", "Do the two hemispheres' networks look at different halves?", "Half of (right − left) of the laterality index of the maps of the same pictures: above 0 where each network looks at the half of the visual field that its hemisphere sees.", "", 900, true};
    std::vector<Estimate> rows;
    std::vector<double> p;
    std::vector<std::vector<std::string>> cells;
    bool optimistic = false;
    std::string over;
    for (const auto& l : files) {
        optimistic = optimistic || l.optimistic;
        for (const auto& x : l.pairs) {
            const auto& b = x.band[salience::whole_picture];
            const std::string label = fmt::format("{} {} {}, {}", x.subject, x.roi, x.target, x.map_method);
            rows.push_back({label, b.contralateral.mean, b.contralateral.low, b.contralateral.high, false}), p.push_back(b.contralateral.p);
            cells.push_back({escaped(label), std::to_string(b.contralateral.n), cell(b.left.mean, "{:+.3f}"), cell(b.right.mean, "{:+.3f}"), cell(b.contralateral.mean, "{:+.3f}"), interval_cell(b.contralateral.low, b.contralateral.high, "{:+.3f}"), p_text(b.contralateral.p),
                             cell(b.mirrored.mean, "{:+.3f}"), cell(100 * b.changes_sign, "{:.0f} %"), cell(b.left_gain.mean, "{:+.3f}"), p_text(b.left_gain.p), cell(b.right_gain.mean, "{:+.3f}"), p_text(b.right_gain.p)});
        }
        for (const auto& g : l.groups)
            if (g.pairs > 1)
                over += fmt::format(" Over {} pairs of networks of {} ({}, {}) it is {:+.3f}, p {}{}.", g.pairs, escaped(g.roi), escaped(g.target), escaped(g.map_method), g.contralateral, p_text(g.p),
                                    g.pairs < 6 ? fmt::format(" (the least that so few pairs can have is {:.3g})", std::pow(2., 1 - static_cast<double>(g.pairs))) : "");
    }
    const auto q = stats::benjamini_hochberg(p);
    std::int64_t contralateral = 0, ipsilateral = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i].significant = q[i] < false_discovery_rate;
        contralateral += rows[i].significant && rows[i].value > 0, ipsilateral += rows[i].significant && rows[i].value < 0;
    }
    out.figure.svg = forest(rows, "contralateral index", optimistic, "lateral");
    out.sentence = fmt::format("<b>{} differ significantly in the direction of the visual field, {} against it</b>; for the others no difference is shown. That is over images: it says that these two networks differ.{}", share_text(contralateral, rows.size(), "pairs"), ipsilateral, over);
    out.table = table_html({"<pair", "pictures", "left", "right", "contralateral", "95 %", "p", "of mirrored pictures", "sign changes", "left − untuned", "p", "right − untuned", "p"}, cells);
    return out;
}

Finding salience_finding(const std::vector<salience::SalienceFile>& files) {
    Finding out;
    out.figure = {"salience", "Do the maps say anything of the networks?", "", "", 900, true};
    std::vector<std::vector<std::string>> cells;
    std::int64_t checked = 0, unlike = 0, deletion = 0, insertion = 0, sided = 0;
    std::vector<double> p;
    for (const auto& f : files) {
        const auto& h = f.header();
        const auto index = stats::mean_test(f.images().index, 10000, 0);
        p.push_back(index.p);
        const auto c = f.checks();
        const auto less = [](std::vector<double> a, const std::vector<double>& b) {
            for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) a[i] -= b[i];
            return stats::mean_test(std::move(a), 10000, 0);
        };
        const auto r = stats::mean_test(c.randomised, 10000, 0), d = less(c.random_deletion_area, c.deletion_area), i = less(c.insertion_area, c.random_insertion_area);
        if (r.n > 0) ++checked, unlike += r.high < .5, deletion += d.low > 0, insertion += i.low > 0;
        cells.push_back({escaped(network_label(h)), escaped(h.target), escaped(h.map_method), std::to_string(index.n), cell(index.mean, "{:+.3f}"), interval_cell(index.low, index.high, "{:+.3f}"), p_text(index.p), cell(r.mean, "{:+.2f}"), interval_cell(r.low, r.high, "{:+.2f}"),
                         cell(d.mean, "{:+.3f}"), interval_cell(d.low, d.high, "{:+.3f}"), cell(i.mean, "{:+.3f}"), interval_cell(i.low, i.high, "{:+.3f}")});
    }
    for (const double q : stats::benjamini_hochberg(p)) sided += q < false_discovery_rate;
    if (checked > 0)
        out.sentence = fmt::format("Of {} sets of maps that were checked, <b>{} change when the weights are shuffled</b> (rank correlation surely below .5); taking the marked pixels away lowers the score more than random ones for {}, showing them alone raises it more for {}. ", checked, unlike, deletion, insertion);
    out.sentence += fmt::format("The maps lie significantly more in one half of the pictures for {}.", share_text(sided, files.size(), "sets"));
    out.table = table_html({"<network", "<score", "<maps", "pictures", "index", "95 %", "p", "shuffled weights, r", "95 %", "deletion", "95 %", "insertion", "95 %"}, cells);
    return out;
}

Finding field_finding(const salience::FieldsFile& f, std::size_t number) {
    Finding out;
    const auto& all = f.scores.back();
    const bool known = std::isfinite(all.r_x);
    out.figure = {fmt::format("fields-{}", number), "Where predicted responses come from", fmt::format("Centres of the maps of the voxels with a cross-validated r of at least {:.2g}, in the picture{}.", f.header.least_r, known ? "; lines lead to the known centres of their receptive fields" : ""), "", 560, true};
    std::string script = figure_style(false) + "set xrange [0:1]\nset yrange [1:0]\nset size square\nset xlabel 'x (picture widths)'\nset ylabel 'y'\nset arrow 1 from 0.5, 0 to 0.5, 1 nohead lc rgb '#999999'\n", plots, data[3], lines;
    std::vector<std::vector<std::string>> cells;
    for (std::size_t r = 0; r < f.regions.size(); ++r) {
        const auto& region = f.regions[r];
        const std::size_t side = region.hemisphere == "lh" ? 0 : region.hemisphere == "rh" ? 1 : 2;
        for (std::size_t v = 0; v < region.centre.size(); ++v) {
            if (!(static_cast<double>(region.cv_r[v]) >= f.header.least_r) || !std::isfinite(region.centre[v].x)) continue;
            data[side] += fmt::format("{:.4f} {:.4f}\n", region.centre[v].x, region.centre[v].y);
            if (!region.true_x.empty() && std::isfinite(region.true_x[v])) lines += fmt::format("{:.4f} {:.4f}\n{:.4f} {:.4f}\n\n", region.centre[v].x, region.centre[v].y, region.true_x[v], region.true_y[v]);
        }
        const auto& s = f.scores[r];
        cells.push_back({escaped(region.hemisphere), escaped(region.roi), std::to_string(s.compared), cell(s.mean_x, "{:.3f}"), cell(s.mean_y, "{:.3f}"), cell(s.r_x, "{:.3f}"), interval_cell(s.r_x_low, s.r_x_high, "{:.3f}"), cell(s.r_y, "{:.3f}"), interval_cell(s.r_y_low, s.r_y_high, "{:.3f}"),
                         cell(100 * s.same_side, "{:.0f} %"), cell(s.distance, "{:.3f}")});
    }
    if (!lines.empty()) script += "$lines << EOD\n" + lines + "EOD\n", plots = "$lines using 1:2 with lines lc rgb '#bbbbbb' notitle";
    for (std::size_t side = 0; side < 3; ++side) {
        if (data[side].empty()) continue;
        script += fmt::format("$side{} << EOD\n{}EOD\n", side, data[side]);
        plots += fmt::format("{}$side{} using 1:2 with points pt 7 ps .5 lc rgb '{}' title '{}'", plots.empty() ? "" : ", ", side, colour(side + 1), side == 0 ? "left hemisphere" : side == 1 ? "right hemisphere" : "all");
    }
    if (!plots.empty()) out.figure.svg = svg(script + "plot " + plots, 560, 560, fmt::format("fields{}", number));
    out.sentence = fmt::format("<b>{}</b>, {} voxels, from {} pictures. ", escaped(network_label(f.header)), all.compared, f.header.image.size());
    if (known)
        out.sentence += fmt::format("Against the known receptive fields: <b>r = {:.3f}</b> ({:.3f} … {:.3f}) of x and <b>{:.3f}</b> ({:.3f} … {:.3f}) of y; {:.0f} % of the centres lie in the right half of the picture, the median distance is {:.3f} picture widths.", all.r_x, all.r_x_low, all.r_x_high, all.r_y, all.r_y_low,
                                    all.r_y_high, 100 * all.same_side, all.distance);
    else if (all.compared > 0)
        out.sentence += fmt::format("Their mean is {:.3f} picture widths from the left, {:.3f} from the top. Where their receptive fields are is not known, so nothing tests this.", all.mean_x, all.mean_y);
    out.table = table_html({"<hemisphere", "<region", "voxels", "mean x", "mean y", "r of x", "95 %", "r of y", "95 %", "right half", "distance"}, cells);
    return out;
}

}  // namespace cortune::report
