// SPDX-License-Identifier: BSD-3-Clause
#include "report/forest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.hpp"
#include "report/gnuplot.hpp"
#include "report/palette.hpp"
#include "stats/significance.hpp"

namespace cortune::report {

std::string forest(std::vector<Estimate> rows, const std::string& axis, const std::array<const char*, 2>& kinds, bool optimistic, const std::string& prefix) {
    std::erase_if(rows, [](const Estimate& r) { return !std::isfinite(r.value); });
    if (rows.empty()) return {};
    std::string tics, data[2], plots;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto y = static_cast<double>(rows.size() - i);
        tics += fmt::format("{}{} {}", i ? ", " : "", report::quoted(rows[i].label), y);
        data[rows[i].significant ? 0 : 1] += fmt::format("{:.6g} {} {} {}\n", rows[i].value, y, number_text(rows[i].low, "NaN"), number_text(rows[i].high, "NaN"));
    }
    std::string script = figure_style(optimistic) + fmt::format("set xlabel {}\nset ytics ({}) noenhanced\nset yrange [0.3:{}]\nset arrow 1 from 0, graph 0 to 0, graph 1 nohead lc rgb '#999999'\nset grid xtics noytics\n", quoted(axis), tics, static_cast<double>(rows.size()) + .7);
    for (const std::size_t kind : {0, 1}) {
        if (data[kind].empty()) continue;
        script += fmt::format("$rows{} << EOD\n{}EOD\n", kind, data[kind]);
        plots += fmt::format("{}$rows{} using 1:2:3:4 with xerrorbars pt {} ps 1 lc rgb '#0072B2' title {}", plots.empty() ? "" : ", ", kind, kind == 0 ? 7 : 6, quoted(kinds[kind]));
    }
    return svg(script + "plot " + plots, 900, 150 + 26 * std::max(3, static_cast<int>(rows.size())), prefix);
}

Counted mark_significant(std::vector<Estimate>& rows, const std::vector<double>& p) {
    const auto q = stats::benjamini_hochberg(p);
    Counted out;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i].significant = q[i] < false_discovery_rate;
        out.above += rows[i].significant && rows[i].value > 0, out.below += rows[i].significant && rows[i].value < 0;
    }
    return out;
}

std::string p_text(double p) { return !std::isfinite(p) ? "–" : p < 1e-4 ? "&lt; 0.0001" : fmt::format("{:.4f}", p); }

std::string share_text(std::int64_t part, std::size_t whole, const char* what) { return fmt::format("{} of {} {}", part, whole, what); }

}  // namespace cortune::report
