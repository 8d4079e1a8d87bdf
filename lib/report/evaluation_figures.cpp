// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "report/evaluation_report.hpp"
#include "report/gnuplot.hpp"
#include "report/palette.hpp"

namespace cortune::report {
namespace {

using encode::Evaluation;
using encode::RoiScores;

// What fits on a page; the table has the rest.
constexpr std::size_t most_rois = 60;

std::string roi_label(const RoiScores& roi, bool subjects) {
    std::string out = subjects ? roi.subject + ' ' : "";
    if (roi.hemisphere != "all") out += roi.hemisphere + ' ';
    return out + roi.roi;
}

bool several_subjects(const Evaluation& e) {
    return std::any_of(e.rois.begin(), e.rois.end(), [&](const auto& r) { return r.subject != e.rois[0].subject; });
}

std::string number(double value) { return number_text(value, "NaN"); }

// Regions in which models were compared, where there are any, else all.
std::vector<const RoiScores*> shown_rois(const Evaluation& e) {
    std::vector<const RoiScores*> all, compared;
    for (const auto& roi : e.rois) {
        all.push_back(&roi);
        if (std::count_if(roi.models.begin(), roi.models.end(), [](const auto& m) { return m.present; }) > 1) compared.push_back(&roi);
    }
    return compared.empty() ? all : compared;
}

}  // namespace

Figure accuracy_figure(const Evaluation& e, const std::string& name) {
    const auto shown = shown_rois(e);
    const std::size_t rois = std::min(shown.size(), most_rois), models = e.label.size();
    const double bar = 0.8 / static_cast<double>(models);
    const bool subjects = several_subjects(e), over_subjects = rois > 0 && shown[0]->subject.empty();
    bool some = false;
    std::string data, plots, tics;
    for (std::size_t m = 0; m < models; ++m) {
        data += fmt::format("$model{} << EOD\n", m);
        for (std::size_t i = 0; i < rois; ++i) {
            const auto& s = shown[i]->models[m];
            some |= s.present && std::isfinite(s.mean_r);
            if (s.present)
                data += fmt::format("{} {} {} {}\n", static_cast<double>(i) - 0.4 + bar * (static_cast<double>(m) + 0.5), number(s.mean_r),
                                    number(s.mean_r_low), number(s.mean_r_high));
        }
        data += "EOD\n";
        plots += fmt::format("$model{0} using 1:2:({1}) with boxes lc rgb '{2}' title {3}, $model{0} using 1:3:(0):($4-$3) with vectors nohead lw 1.6 lc rgb '#222222' notitle, ",
                             m, bar * 0.92, colour(m), quoted(e.label[m]));
    }
    data += "$ceiling << EOD\n";
    bool ceilings = false;
    for (std::size_t i = 0; i < rois; ++i) {
        tics += fmt::format("{}{} {}", i ? ", " : "", quoted(roi_label(*shown[i], subjects)), i);
        if (!std::isfinite(shown[i]->ceiling_r)) continue;
        ceilings = true;
        data += fmt::format("{} {} {} {}\n", i, number(shown[i]->ceiling_r), static_cast<double>(i) - 0.42, static_cast<double>(i) + 0.42);
    }
    data += "EOD\n";
    plots += ceilings ? "$ceiling using 1:2:3:4 with xerrorbars pt 0 lw 2 lc rgb '#000000' title 'noise ceiling'" : "1/0 notitle";
    if (!some) return {};
    const std::string script = figure_style(e.optimistic) + data + fmt::format("set style fill solid 0.9 noborder\nset errorbars 1\nset yrange [*<0:*]\nset xrange [-0.6:{}]\n"
                                                            "set xtics rotate by 40 right noenhanced ({})\nset ylabel 'mean r'\nplot {}\n",
                                                            static_cast<double>(rois) - 0.4, tics, plots);
    const int width = std::clamp(static_cast<int>(60 * rois * std::max<std::size_t>(models, 2) / 2) + 160, 560, 2400);
    return {name, "Encoding accuracy",
            fmt::format("Mean over voxels of Pearson r, with the 95 % {}{}{}.", over_subjects ? "interval of the random-effects model over subjects" : "bootstrap interval over images", ceilings ? "; black lines: the noise ceiling of r" : "",
                        shown.size() < e.rois.size() || rois < shown.size() ? fmt::format("; {} of {} regions", rois, e.rois.size()) : ""),
            svg(script, width, 420, name), width, width <= 720};
}

namespace {

Figure scatter(const Evaluation& e, std::size_t m) {
    constexpr std::size_t most = 6000;  // points that a browser draws without effort
    std::size_t total = 0;
    for (const auto& roi : e.rois)
        if (roi.models[m].present) total += roi.vertex.size();
    const std::size_t step = std::max<std::size_t>(1, total / most);
    std::string data = "$points << EOD\n";
    std::size_t at = 0, points = 0;
    for (const auto& roi : e.rois)
        for (std::size_t v = 0; roi.models[m].present && v < roi.vertex.size(); ++v)
            if (at++ % step == 0 && std::isfinite(roi.models[m].r[v]) && std::isfinite(roi.models[0].r[v]))
                data += fmt::format("{:.4f} {:.4f}\n", roi.models[0].r[v], roi.models[m].r[v]), ++points;
    if (points == 0) return {};
    data += "EOD\n";
    const std::string script = figure_style(e.optimistic) + data +
        fmt::format("unset key\nset size square\nset xlabel {} noenhanced\nset ylabel {} noenhanced\n"
                    "plot $points with points pt 7 ps 0.35 lc rgb '#400072B2', x with lines lc rgb '#555555' dt 2\n",
                    quoted("r, " + e.label[0]), quoted("r, " + e.label[m]));
    return {"scatter-" + std::to_string(m), fmt::format("{} against {}", e.label[m], e.label[0]),
            fmt::format("One point a voxel{}; above the line {} predicts it better.", step > 1 ? fmt::format(" (every {}th)", step) : "", e.label[m]),
            svg(script, 480, 480, "scatter-" + std::to_string(m)), 480, true};
}

// What is drawn of a model's layers: regions with the same taps and a known r.
std::vector<const RoiScores*> layered_rois(const Evaluation& e, std::size_t m, std::vector<std::string>& taps) {
    std::vector<const RoiScores*> out;
    for (const auto& roi : e.rois) {
        const auto& s = roi.models[m];
        if (taps.empty()) taps = s.layer;
        if (s.layer.empty() || s.layer != taps || std::none_of(s.layer_r.begin(), s.layer_r.end(), [](double x) { return std::isfinite(x); })) continue;
        out.push_back(&roi);
        if (out.size() == most_rois) break;
    }
    return out;
}

// Cross-validated r of each layer of a model: a line a region, or, where those are more than can be told
// apart, a row of a map.
}  // namespace

Figure layer_figure(const Evaluation& e, std::size_t m, const std::string& name) {
    std::vector<std::string> taps;
    const auto shown = layered_rois(e, m, taps);
    if (shown.empty()) return {};
    const bool subjects = several_subjects(e), lines = shown.size() < colour_count;
    std::string data, plots, columns, rows;
    for (std::size_t l = 0; l < taps.size(); ++l) columns += fmt::format("{}{} {}", l ? ", " : "", report::quoted(taps[l]), l);
    for (std::size_t i = 0; i < shown.size(); ++i) {
        const auto& r = shown[i]->models[m].layer_r;
        const std::string label = quoted(roi_label(*shown[i], subjects));
        if (lines) data += fmt::format("$line{} << EOD\n", i);
        else if (i == 0) data += "$map << EOD\n";
        for (std::size_t l = 0; l < r.size(); ++l) data += fmt::format("{} {} {}\n", l, i, number(r[l]));
        if (lines) data += "EOD\n";
        plots += fmt::format("{}$line{} using 1:3 with linespoints pt {} ps 0.7 lw 1.8 lc rgb '{}' title {}", i ? ", " : "", i, 4 + i, colour(i + 1), label);
        rows += fmt::format("{}{} {}", i ? ", " : "", label, i);
    }
    const std::string common = figure_style(e.optimistic) + fmt::format("set xtics rotate by 30 right noenhanced ({})\n", columns);
    const std::string script = lines ? common + data + fmt::format("set key outside right top vertical noenhanced\nset ylabel 'cross-validated r'\nplot {}\n", plots)
                                     : common + data + "EOD\n" + fmt::format("unset key\nunset grid\nset palette defined (0 '#440154', 1 '#3b528b', 2 '#21918c', 3 '#5ec962', 4 '#fde725')\nset cblabel 'cross-validated r'\nset yrange [{}:-0.5]\nset xrange [-0.5:{}]\n"
                                           "set ytics noenhanced ({})\nplot $map using 1:2:3 with image pixels\n", static_cast<double>(shown.size()) - 0.5, static_cast<double>(taps.size()) - 0.5, rows);
    const int height = lines ? 380 : 150 + 18 * static_cast<int>(shown.size());
    return {name, fmt::format("r against layer, {}", e.label[m]),
            fmt::format("Mean over voxels of the cross-validated r from which the layer of each region was chosen{}.",
                        shown.size() < e.rois.size() ? fmt::format("; {} of {} regions", shown.size(), e.rois.size()) : ""),
            svg(script, 720, height, name), 720, true};
}

std::vector<Figure> evaluation_figures(const Evaluation& e) {
    std::vector<Figure> out;
    if (e.rois.empty()) return out;
    out.push_back(accuracy_figure(e, "accuracy"));
    for (std::size_t m = 1; m < e.label.size(); ++m)
        if (std::any_of(e.rois.begin(), e.rois.end(), [&](const auto& roi) { return roi.models[m].present; })) out.push_back(scatter(e, m));
    for (std::size_t m = 0; m < e.label.size(); ++m)
        if (auto figure = layer_figure(e, m, "layers-" + std::to_string(m)); !figure.svg.empty()) out.push_back(std::move(figure));
    std::erase_if(out, [](const auto& f) { return f.svg.empty(); });
    return out;
}

}  // namespace cortune::report
