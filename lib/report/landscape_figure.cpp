// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "report/gnuplot.hpp"
#include "report/landscape_report.hpp"
#include "report/palette.hpp"

namespace cortune::report {
namespace {

using landscape::Landscape;
using landscape::Point;

struct Panel {
    const char* title;
    std::string Point::* at;
};
constexpr Panel panels[] = {{"subject", &Point::subject}, {"hemisphere", &Point::hemisphere}, {"region", &Point::roi}, {"method", &Point::method}};

std::string axis_title(const Landscape& l, Eigen::Index axis) {
    const auto& v = l.inpca.eigenvalue;
    const double share = l.inpca.explained(axis) - (axis > 0 ? l.inpca.explained(axis - 1) : 0);
    return fmt::format("InPCA axis {} ({:.0f} %{})", axis + 1, 100 * share, v(axis) < 0 ? ", imaginary" : "");
}

}  // namespace

LandscapeFigure landscape_figure(const Landscape& l) {
    std::vector<Panel> shown;
    for (const auto& panel : panels) {
        std::set<std::string> values;
        for (const auto& p : l.points)
            if (!p.roi.empty()) values.insert(p.*panel.at);
        if (values.size() > 1) shown.push_back(panel);
    }
    if (shown.empty()) shown.push_back(panels[3]);
    const auto mapped = l.mapped();
    const auto at = [&](std::size_t i) -> std::pair<double, double> {
        const bool second = l.inpca.eigenvalue.size() > 1;
        if (i < mapped) return {l.inpca.coordinate(static_cast<Eigen::Index>(i), 0), second ? l.inpca.coordinate(static_cast<Eigen::Index>(i), 1) : 0};
        return {l.placed(static_cast<Eigen::Index>(i - mapped), 0), second ? l.placed(static_cast<Eigen::Index>(i - mapped), 1) : 0};
    };
    std::string out = figure_style(!l.optimistic_reason.empty());
    out += fmt::format("set xlabel {}\nset ylabel {}\nset bmargin 7.5\nset tics font ',10'\nset grid\nset zeroaxis\nset key outside bottom center horizontal noenhanced\n", quoted(axis_title(l, 0)),
                       quoted(l.inpca.eigenvalue.size() > 1 ? axis_title(l, 1) : "no second axis"));
    out += fmt::format("set multiplot layout 1,{}\n", shown.size());
    for (std::size_t k = 0; k < shown.size(); ++k) {
        std::vector<std::string> values;
        for (const auto& p : l.points)
            if (!p.roi.empty() && std::find(values.begin(), values.end(), p.*shown[k].at) == values.end()) values.push_back(p.*shown[k].at);
        std::string plots;
        const auto add = [&](const std::string& title, auto wanted, const std::string& style) {
            std::string data;
            for (std::size_t i = 0; i < l.points.size(); ++i)
                if (wanted(l.points[i])) data += fmt::format("{:.9g} {:.9g}\n", at(i).first, at(i).second);
            if (data.empty()) return;
            const auto name = fmt::format("$p{}_{}", k, std::count(plots.begin(), plots.end(), '$'));
            out += fmt::format("{} << EOD\n{}EOD\n", name, data);
            plots += fmt::format("{}{} using 1:2 with points {} title {}", plots.empty() ? "" : ", ", name, style, quoted(title));
        };
        for (std::size_t v = 0; v < values.size(); ++v)
            add(values[v], [&](const Point& p) { return !p.roi.empty() && p.*shown[k].at == values[v]; }, fmt::format("pt {} ps 1 lc rgb '{}'", v < colour_count - 1 ? 7 : 5, colour(1 + v % (colour_count - 1))));
        add("untuned", [](const Point& p) { return p.model && p.roi.empty(); }, "pt 9 ps 1.6 lc rgb '#000000'");
        add("oracle", [](const Point& p) { return !p.model && p.label == "oracle"; }, "pt 3 ps 1.6 lc rgb '#000000'");
        add("ignorance", [](const Point& p) { return !p.model && p.label == "ignorance"; }, "pt 4 ps 1.4 lc rgb '#000000'");
        out += fmt::format("set title 'by {}'\nplot {}\n", shown[k].title, plots);
    }
    return {out + "unset multiplot\n", 420 * static_cast<int>(shown.size()), 500};
}

}  // namespace cortune::report
