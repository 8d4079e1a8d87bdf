// SPDX-License-Identifier: BSD-3-Clause
#include "report/transfer_figure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "encode/transfer_file.hpp"
#include "report/gnuplot.hpp"

namespace cortune::report {

Figure transfer_figure(const std::vector<encode::TransferGroup>& groups, const std::string& name) {
    const auto axes = encode::axes_of(groups);
    const std::size_t sources = axes.source.size(), targets = axes.target.size();
    std::string data, plots, rows, columns;
    for (std::size_t s = 0; s < sources; ++s) rows += fmt::format("{}{} {}", s ? ", " : "", report::quoted(axes.source[s]), s);
    for (std::size_t t = 0; t < targets; ++t) columns += fmt::format("{}{} {}", t ? ", " : "", report::quoted(axes.target[t]), t);
    std::size_t panels = 0;
    for (const char* group : encode::region_sets) {
        const auto share = encode::transfer_matrix(groups, axes, group, [](const encode::TransferGroup& g) { return g.test.share_improved; });
        if (std::none_of(share.begin(), share.end(), [](double v) { return std::isfinite(v); })) continue;
        data += fmt::format("${} << EOD\n", group);
        std::string empty;
        for (std::size_t i = 0; i < share.size(); ++i) {
            const double x = static_cast<double>(i % targets), y = static_cast<double>(i / targets);
            if (std::isfinite(share[i])) data += fmt::format("{} {} {} {} {} {} {:.4f}\n", x, y, x - .5, x + .5, y - .5, y + .5, share[i]);
            else empty += fmt::format("{} {} {} {} {} {}\n", x, y, x - .5, x + .5, y - .5, y + .5);
        }
        data += "EOD\n";
        if (!empty.empty()) data += fmt::format("${}_none << EOD\n{}EOD\n", group, empty);
        // Every cell a rectangle of its own: an image needs a full grid.
        plots += fmt::format("set title '{} regions'\nplot {}${} using 1:2:3:4:5:6:7 with boxxyerror fillcolor palette, ${} using 1:2:(sprintf('%.2f', $7)) with labels font ',10'\n", group,
                             empty.empty() ? "" : fmt::format("${}_none using 1:2:3:4:5:6 with boxxyerror fillcolor rgb '#d9d9d9', ", group), group, group);
        ++panels;
    }
    if (panels == 0) throw RunFailed("no region has a score: there is nothing to draw");
    const bool optimistic = std::any_of(groups.begin(), groups.end(), [](const auto& g) { return g.optimistic; });
    const std::string mark = optimistic ? "set label 99 'optimistic' at screen 0.01, screen 0.97 textcolor rgb '#b34700'\n" : "";
    const std::string script = mark + data +
        fmt::format("unset key\nset style fill solid 1 border lc rgb 'white'\nset palette defined (0 '#b2182b', 0.5 '#f7f7f7', 1 '#2166ac')\nset cbrange [0:1]\nset cblabel 'share of voxels improved'\n"
                    "set yrange [{}:-0.5]\nset xrange [-0.5:{}]\nset ytics noenhanced ({})\nset xtics rotate by 40 right noenhanced ({})\nset xlabel 'tried on'\nset ylabel 'tuned to'\n"
                    "set multiplot layout 1,{}\n{}unset multiplot\n",
                    static_cast<double>(sources) - 0.5, static_cast<double>(targets) - 0.5, rows, columns, panels, plots);
    const int width = static_cast<int>(panels) * (260 + 50 * static_cast<int>(targets));
    return {name, "Transfer", "Mean over regions of the share of voxels that a network tuned to some subjects (rows) predicts better than the untuned one, of every subject (columns); white is one half.",
            svg(script, width, 200 + 40 * static_cast<int>(sources), name), width, true};
}

}  // namespace cortune::report
