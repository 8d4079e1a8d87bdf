// SPDX-License-Identifier: BSD-3-Clause
#include "report/study_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "report/gnuplot.hpp"
#include "report/palette.hpp"

namespace cortune::report {
namespace {

std::string region_of(const std::string& hemisphere, const std::string& roi) { return hemisphere == "all" ? roi : hemisphere + ' ' + roi; }

}  // namespace

Figure improved_figure(const encode::Evaluation& e, const std::string& name) {
    if (e.label.size() < 2) return {};
    const double bar = 0.8 / static_cast<double>(e.label.size() - 1);
    std::string data, plots, tics;
    bool some = false;
    for (std::size_t m = 1; m < e.label.size(); ++m) {
        data += fmt::format("$model{} << EOD\n", m);
        for (std::size_t i = 0; i < e.rois.size(); ++i) {
            const double share = e.rois[i].models[m].test.share_improved;
            if (!e.rois[i].models[m].present || !std::isfinite(share)) continue;
            data += fmt::format("{} {:.4f}\n", static_cast<double>(i) - 0.4 + bar * (static_cast<double>(m) - 0.5), share);
            some = true;
        }
        data += "EOD\n";
        plots += fmt::format("$model{} using 1:2:({}) with boxes lc rgb '{}' title {}, ", m, bar * 0.92, colour(m), quoted(e.label[m]));
    }
    if (!some) return {};
    for (std::size_t i = 0; i < e.rois.size(); ++i) tics += fmt::format("{}{} {}", i ? ", " : "", quoted(region_of(e.rois[i].hemisphere, e.rois[i].roi)), i);
    const std::string script = figure_style(e.optimistic) + data +
        fmt::format("set style fill solid 0.9 noborder\nset xrange [-0.6:{}]\nset yrange [0:1]\nset xtics rotate by 40 right noenhanced ({})\nset ylabel 'share of voxels'\nplot {}0.5 with lines lc rgb '#222222' dt 2 notitle\n",
                    static_cast<double>(e.rois.size()) - 0.4, tics, plots);
    const int width = std::clamp(static_cast<int>(30 * e.rois.size() * std::max<std::size_t>(e.label.size() - 1, 2)) + 160, 560, 2400);
    return {name, "Voxels improved", fmt::format("Share of voxels with a higher r than under {}, mean over subjects; dashed: one half.", e.label[0]), svg(script, width, 380, name), width, width <= 720};
}

namespace {

// Of every subject the mean over the regions of a set in which all models are: lines of other regions say nothing of
// one another. Taps × subjects.
std::vector<std::vector<double>> layers_of(const encode::Evaluation& e, const encode::Regions& regions, const std::string& set, std::size_t model, std::vector<std::string>& taps) {
    std::map<std::string, std::vector<const encode::ModelScores*>> subjects;
    for (const auto& roi : e.rois) {
        const bool all = std::all_of(roi.models.begin(), roi.models.end(), [](const auto& x) { return x.present; });
        const auto& s = roi.models[model];
        if (!all || s.layer.empty() || (set != "all" && regions.group({roi.roi_class, roi.roi}) != set)) continue;
        if (taps.empty()) taps = s.layer;
        if (s.layer == taps) subjects[roi.subject].push_back(&s);
    }
    std::vector<std::vector<double>> out(taps.size());
    for (const auto& [subject, rois] : subjects)
        for (std::size_t l = 0; l < taps.size(); ++l) {
            double sum = 0;
            for (const auto* s : rois) sum += s->layer_r[l] / static_cast<double>(rois.size());
            if (std::isfinite(sum)) out[l].push_back(sum);
        }
    return out;
}

}  // namespace

Figure set_layers_figure(const encode::Evaluation& e, const encode::Regions& regions, const std::string& set, const std::string& name) {
    std::vector<std::string> taps;
    std::string data, plots, columns;
    std::size_t most = 0;
    for (std::size_t m = 0; m < e.label.size(); ++m) {
        data += fmt::format("$line{} << EOD\n", m);
        std::size_t used = 0;
        const auto layers = layers_of(e, regions, set, m, taps);
        for (std::size_t l = 0; l < layers.size(); ++l) {
            const auto& r = layers[l];
            if (r.empty()) continue;
            const double n = static_cast<double>(r.size()), mean = std::accumulate(r.begin(), r.end(), 0.0) / n;
            double square = 0;
            for (const double v : r) square += (v - mean) * (v - mean);
            // Beside one another, where lines lie on one another.
            data += fmt::format("{:.3f} {:.6g} {:.6g}\n", static_cast<double>(l) + 0.06 * static_cast<double>(m), mean, n > 1 ? std::sqrt(square / (n - 1) / n) : 0);
            used = std::max(used, r.size());
        }
        data += "EOD\n";
        most = std::max(most, used);
        if (used > 0)
            plots += fmt::format("{0}$line{1} using 1:2:3 with yerrorlines pt {2} ps 0.6 lw 1.6 lc rgb '{3}' title {4}", plots.empty() ? "" : ", ", m, 4 + m, colour(m), quoted(e.label[m]));
    }
    if (most == 0) return {};
    for (std::size_t l = 0; l < taps.size(); ++l) columns += fmt::format("{}{} {}", l ? ", " : "", report::quoted(taps[l]), l);
    const std::string script = figure_style(e.optimistic) + data +
        fmt::format("set xtics rotate by 30 right noenhanced ({})\nset xrange [-0.3:{}]\nset ylabel 'cross-validated r'\nplot {}\n", columns, static_cast<double>(taps.size()) - 0.4, plots);
    return {name, fmt::format("r against layer, {} regions", set),
            fmt::format("Cross-validated r, mean over voxels, regions and {} {}{}.", most, most == 1 ? "subject" : "subjects", most > 1 ? ", with the standard error over subjects" : ""), svg(script, 640, 360, name), 640, true};
}

Figure published_figure(const std::vector<BesidePublished>& rows, const std::string& name, bool optimistic) {
    std::vector<std::string> methods;
    for (const auto& r : rows)
        if (std::find(methods.begin(), methods.end(), r.method) == methods.end()) methods.push_back(r.method);
    if (methods.empty()) return {};
    std::string data, plots;
    for (std::size_t m = 0; m < methods.size(); ++m) {
        data += fmt::format("$points{} << EOD\n", m);
        for (const auto& r : rows)
            if (r.method == methods[m]) data += fmt::format("{:.5f} {:.5f}\n", r.published_r, r.r);
        data += "EOD\n";
        plots += fmt::format("$points{} using 1:2 with points pt {} ps 0.8 lc rgb '{}' title {}, ", m, 4 + m, colour(m), report::quoted(methods[m]));
    }
    const std::string script = figure_style(optimistic) + data + fmt::format("set size square\nset xlabel 'published mean r'\nset ylabel 'mean r here'\nplot {}x with lines lc rgb '#555555' dt 2 notitle\n", plots);
    return {name, "Beside published accuracies", "One point a region and method, means over the subjects of the same name.", svg(script, 520, 520, name), 520, true};
}

}  // namespace cortune::report
