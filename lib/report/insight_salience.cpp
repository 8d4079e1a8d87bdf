// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report/forest.hpp"
#include "report/gnuplot.hpp"
#include "report/html.hpp"
#include "report/insight_report.hpp"
#include "report/palette.hpp"
#include "salience/summary.hpp"
#include "stats/mean.hpp"
#include "stats/significance.hpp"

namespace cortune::report {
namespace {

// Pairs of subjects, or of controls, as rows.
struct LateralRows {
    std::vector<Estimate> rows;
    std::vector<double> p;
    std::int64_t own_half = 0;  // pairs whose two sides lie in the half of the picture that their hemisphere sees, each by itself (p < .05)
    std::vector<salience::LateralGroup> groups;
    bool optimistic = false;
};

LateralRows lateral_rows(const std::vector<salience::Lateralization>& files, const std::string& prefix, std::vector<std::vector<std::string>>& cells) {
    LateralRows out;
    std::vector<salience::LateralPair> all;
    for (const auto& l : files) all.insert(all.end(), l.pairs.begin(), l.pairs.end());
    out.groups = salience::group_pairs(all, 10000, 0);
    for (const auto& l : files) {
        out.optimistic = out.optimistic || l.optimistic;
        for (const auto& x : l.pairs) {
            const auto& b = x.band[salience::whole_picture];
            const bool measured = b.contralateral.n > 1;
            out.rows.push_back({prefix + x.label(), measured ? b.contralateral.mean : std::nan(""), b.contralateral.low, b.contralateral.high, false}), out.p.push_back(measured ? b.contralateral.p : std::nan(""));
            out.own_half += b.left.mean < 0 && b.left.p < .05 && b.right.mean > 0 && b.right.p < .05;
            cells.push_back({escaped(prefix + x.label()), std::to_string(b.contralateral.n), cell(b.left.mean, "{:+.3f}"), cell(b.right.mean, "{:+.3f}"), cell(b.contralateral.mean, "{:+.3f}"), interval_cell(b.contralateral.low, b.contralateral.high, "{:+.3f}"), p_text(b.contralateral.p),
                             cell(b.mirrored.mean, "{:+.3f}"), cell(100 * b.changes_sign, "{:.0f} %"), cell(b.left_gain.mean, "{:+.3f}"), p_text(b.left_gain.p), cell(b.right_gain.mean, "{:+.3f}"), p_text(b.right_gain.p), optimistic_mark(l.optimistic)});
        }
    }
    return out;
}

// Does it hold over subjects, and more than in controls?
std::string over_subjects(const LateralRows& own, const LateralRows& controls) {
    std::string out;
    for (const auto& g : own.groups) {
        const auto control = std::find_if(controls.groups.begin(), controls.groups.end(), [&](const auto& c) { return c.key == g.key; });
        if (g.subjects > 1)
            out += fmt::format(" Over {} subjects of {} it is {:+.3f}, p {}{}.", g.subjects, escaped(g.label), g.contralateral, p_text(g.p),
                               g.subjects < 6 ? fmt::format(" (the least that {} subjects can reach is {:.3g})", g.subjects, std::pow(2., 1 - static_cast<double>(g.subjects))) : "");
        if (control != controls.groups.end())
            out += fmt::format(" In {} of {} it is {:+.3f}{}.", control->subjects == 1 ? std::string("one control") : fmt::format("{} controls", control->subjects), escaped(g.label), control->contralateral,
                               g.subjects + control->subjects > 4 ? fmt::format(" (p {}); subjects against controls, dealt anew: p {}", p_text(control->p), p_text(stats::exchange_p(g.effect, control->effect, 10000, 0))) : "");
    }
    return out;
}

}  // namespace

Finding lateral_finding(const std::vector<salience::Lateralization>& files, const std::vector<salience::Lateralization>& controls) {
    Finding out;
    out.figure = {"lateralization", "Do the two hemispheres' maps lie in different halves?",
                  "Half of (right − left) of the laterality index of the maps of the same pictures: above 0 where the right hemisphere's maps lie further left than the left one's, as the hemispheres' visual fields do.", "", 900, true};
    std::vector<std::vector<std::string>> cells;
    auto own = lateral_rows(files, "", cells), control = lateral_rows(controls, "control: ", cells);
    const auto pairs = own.rows.size();
    own.rows.insert(own.rows.end(), control.rows.begin(), control.rows.end()), own.p.insert(own.p.end(), control.p.begin(), control.p.end());
    mark_significant(own.rows, own.p);
    std::int64_t towards = 0, against = 0;
    for (std::size_t i = 0; i < pairs; ++i) {
        const auto& r = own.rows[i];
        towards += r.significant && r.value > 0, against += r.significant && r.value < 0;
    }
    out.figure.svg = forest(own.rows, "contralateral index", by_rate, own.optimistic || control.optimistic, "lateral");
    out.sentence = fmt::format("<b>{} differ significantly in the direction of the visual fields, {} against it</b>; for the others no difference is shown. In {} each side lies in its own half. All of that is over pictures: it says that these two sets of maps differ, as "
                               "any two networks do a little.{}", share_text(towards, pairs, "pairs"), against, own.own_half, over_subjects(own, control));
    out.table = table_html({"<pair", "pictures", "left", "right", "contralateral", "95 %", "p", "of mirrored pictures", "sign changes", "left − untuned", "p", "right − untuned", "p", "<"}, cells);
    return out;
}

Finding salience_finding(const std::vector<salience::SalienceFile>& files) {
    Finding out;
    out.figure = {"salience", "Do the maps say anything of the networks and the pictures?", "", "", 900, true};
    std::vector<std::vector<std::string>> cells;
    std::int64_t checked = 0, deletion = 0, insertion = 0, sided = 0;
    double lowest = 1, highest = -1;
    std::vector<double> p;
    for (const auto& f : files) {
        const auto& h = f.header();
        const auto s = salience::summarise(f.images(), 10000, 0);
        p.push_back(s.index.p);
        if (s.randomised.n > 0) lowest = std::min(lowest, s.randomised.mean), highest = std::max(highest, s.randomised.mean);
        checked += s.deletion.n > 0, deletion += s.deletion.low > 0, insertion += s.insertion.low > 0;
        const auto test = [](const stats::MeanTest& t, const char* format) { return std::pair(cell(t.mean, format), interval_cell(t.low, t.high, format)); };
        const auto [i, i95] = test(s.index, "{:+.3f}");
        const auto [r, r95] = test(s.randomised, "{:+.2f}");
        const auto [d, d95] = test(s.deletion, "{:+.3f}");
        const auto [n, n95] = test(s.insertion, "{:+.3f}");
        cells.push_back({escaped(weights::network_label(h)), escaped((h.score.subject.empty() ? "" : h.score.subject + ": ") + h.score.text()), escaped(h.map_method), std::to_string(s.index.n), i, i95, p_text(s.index.p), r, r95, std::to_string(s.randomised.n), d, d95, n, n95, optimistic_mark(s.optimistic)});
    }
    if (checked > 0)
        out.sentence = fmt::format("In {} sets of maps that were checked, the rank correlation with the maps of the same network with shuffled weights is {:+.2f} to {:+.2f} (0: all of a map is of what was learned). <b>Against what all maps have in common, the "
                                   "marked pixels matter more in {} sets as they are taken away, and in {} as they are shown alone</b> (95 % intervals over pictures). ", checked, lowest, highest, deletion, insertion);
    for (const double q : stats::benjamini_hochberg(p)) sided += q < false_discovery_rate;
    out.sentence += fmt::format("The maps lie significantly more in one half of the pictures in {}.", share_text(sided, files.size(), "sets"));
    out.table = table_html({"<network", "<score", "<maps", "pictures", "index", "95 %", "p", "shuffled weights, r", "95 %", "of pictures", "deletion", "95 %", "insertion", "95 %", "<"}, cells);
    return out;
}

namespace {

// Smallest and largest over regions, "0.95 to 0.99".
std::string range_text(const std::vector<salience::FieldScores>& regions, double salience::FieldScores::* value) {
    double low = 2, high = -2;
    for (const auto& s : regions)
        if (std::isfinite(s.*value)) low = std::min(low, s.*value), high = std::max(high, s.*value);
    return low > high ? "–" : low == high ? fmt::format("{:.3f}", low) : fmt::format("{:.3f} to {:.3f}", low, high);
}

std::string field_svg(const salience::FieldsFile& f, std::size_t number) {
    std::string script = figure_style(false) + "set xrange [0:1]\nset yrange [1:0]\nset size square\nset xlabel 'x (picture widths)'\nset ylabel 'y'\nset arrow 1 from 0.5, 0 to 0.5, 1 nohead lc rgb '#999999'\n", plots, data[3], lines;
    for (const auto& region : f.regions)
        for (std::size_t v = 0; v < region.centre.size(); ++v) {
            const auto& c = region.centre[v];
            if (!std::isfinite(c.x)) continue;
            data[region.hemisphere == "lh" ? 0 : region.hemisphere == "rh" ? 1 : 2] += fmt::format("{:.4f} {:.4f}\n", c.x, c.y);
            if (!region.true_x.empty() && std::isfinite(region.true_x[v]) && std::isfinite(region.true_y[v])) lines += fmt::format("{:.4f} {:.4f}\n{:.4f} {:.4f}\n\n", c.x, c.y, region.true_x[v], region.true_y[v]);
        }
    if (!lines.empty()) script += "$lines << EOD\n" + lines + "EOD\n", plots = "$lines using 1:2 with lines lc rgb '#bbbbbb' notitle";
    constexpr std::array<const char*, 3> names = {"left hemisphere", "right hemisphere", "all"};
    for (std::size_t side = 0; side < 3; ++side) {
        if (data[side].empty()) continue;
        script += fmt::format("$side{} << EOD\n{}EOD\n", side, data[side]);
        plots += fmt::format("{}$side{} using 1:2 with points pt 7 ps .5 lc rgb '{}' title '{}'", plots.empty() ? "" : ", ", side, colour(side + 1), names[side]);
    }
    return plots.empty() ? plots : svg(script + "plot " + plots, 560, 560, fmt::format("fields{}", number));
}

}  // namespace

Finding field_finding(const salience::FieldsFile& f, std::size_t number) {
    Finding out;
    const auto& all = f.scores.back();
    const std::vector<salience::FieldScores> regions(f.scores.begin(), f.scores.end() - 1);
    const bool known = std::any_of(regions.begin(), regions.end(), [](const auto& s) { return std::isfinite(s.r_x); });
    out.figure = {fmt::format("fields-{}", number), f.header.encoded_subject.empty() ? "Where predicted responses come from" : f.header.encoded_subject + ": where predicted responses come from",
                  fmt::format("Centres of the maps of the voxels with a cross-validated r of at least {:.2g}, in the picture{}.", f.header.least_r, known ? "; lines lead to the known centres of their receptive fields" : ""), field_svg(f, number), 560, true};
    std::vector<std::vector<std::string>> cells;
    for (const auto& s : regions)
        cells.push_back({escaped(s.hemisphere), escaped(s.roi), std::to_string(s.voxels), cell(s.mean_x, "{:.3f}"), cell(s.mean_y, "{:.3f}"), cell(s.r_x, "{:.3f}"), interval_cell(s.r_x_low, s.r_x_high, "{:.3f}"), cell(s.r_y, "{:.3f}"), interval_cell(s.r_y_low, s.r_y_high, "{:.3f}"),
                         cell(100 * s.same_half, "{:.0f} %"), cell(s.distance, "{:.3f}")});
    out.sentence = fmt::format("{} voxels of the encoding by the {} network, from {} pictures. ", all.voxels, weights::network_label(f.header) == "untuned" ? "untuned" : "tuned (" + escaped(weights::network_label(f.header)) + ")", f.header.image.size());
    if (known)
        out.sentence += fmt::format("Against the known receptive fields, within a region of a hemisphere: <b>r of x {}, of y {}</b>; {:.0f} % of all centres lie in the half of the picture where the known one is, and the median distance is {:.3f} picture widths.",
                                    range_text(regions, &salience::FieldScores::r_x), range_text(regions, &salience::FieldScores::r_y), 100 * all.same_half, all.distance);
    else if (std::isfinite(all.mean_x))
        out.sentence += fmt::format("Their mean is {:.3f} picture widths from the left, {:.3f} from the top. Where their receptive fields are is not known, so nothing tests this.", all.mean_x, all.mean_y);
    out.table = "<p>Intervals are over voxels, which share pictures and components: rather too narrow.</p>" +
                table_html({"<hemisphere", "<region", "voxels", "mean x", "mean y", "r of x", "95 %", "r of y", "95 %", "same half", "distance"}, cells);
    return out;
}

}  // namespace cortune::report
