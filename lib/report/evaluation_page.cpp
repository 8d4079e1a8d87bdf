// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/text.hpp"
#include "h5/provenance.hpp"
#include "report/html.hpp"

namespace cortune::report {
namespace {

using encode::Evaluation;

std::string rows(const Evaluation& e) {
    std::string out;
    for (const auto& roi : e.rois)
        for (std::size_t m = 0; m < roi.models.size(); ++m) {
            const auto& s = roi.models[m];
            if (!s.present) continue;
            out += fmt::format("<tr{}><td class=t>{}</td><td class=t>{}</td><td class=t>{}</td><td>{}</td><td class=t>{}</td>", m == 0 ? " class=first" : "",
                               escaped(roi.subject), escaped(roi.hemisphere), escaped(roi.roi), roi.voxels, escaped(e.label[m]));
            if (e.protocol == "mixed") out += fmt::format("<td class=t>{}</td>", escaped(s.protocol));
            out += fmt::format("<td>{}</td><td>{} … {}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>", cell(s.mean_r, "{:.3f}"), cell(s.mean_r_low, "{:.3f}"),
                               cell(s.mean_r_high, "{:.3f}"), cell(roi.ceiling_r, "{:.3f}"), cell(s.median_share_of_ceiling * 100, "{:.0f} %"), std::isfinite(s.challenge_score) ? fmt::format("{}", s.above_ceiling) : "–",
                               cell(s.share_significant * 100, "{:.0f} %"));
            out += fmt::format("<td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=t>{}</td></tr>\n", cell(s.test.difference, "{:+.3f}"),
                               std::isfinite(s.test.low) ? fmt::format("{:+.3f} … {:+.3f}", s.test.low, s.test.high) : "–", cell(s.test.p, "{:.4f}"),
                               cell(s.test.share_improved * 100, "{:.0f} %"), optimistic_mark(s.optimistic));
        }
    return out;
}

std::string set_table(const Evaluation& e) {
    if (std::none_of(e.sets.begin(), e.sets.end(), [](const auto& s) { return s.rois > 1; })) return {};  // sets of one region say what is above
    std::vector<std::vector<std::string>> rows;
    for (const auto& s : e.sets)
        rows.push_back({escaped(s.subject), s.set, escaped(e.label[s.model]), std::to_string(s.rois), cell(s.mean_r, "{:.3f}"), cell(s.reference_r, "{:.3f}"), cell(s.test.gain, "{:+.3f}"),
                        interval_cell(s.test.low, s.test.high, "{:+.3f}"), cell(s.test.p, "{:.4f}"), cell(s.test.share_improved * 100, "{:.0f} %"), cell(s.test.share_p, "{:.4f}"), optimistic_mark(s.optimistic)});
    return "<h2>Over regions</h2>" + table_html({"<subject", "<regions", "<model", "number", "mean r", "first model's", "gain", "95 %", "p", "improved", "p", "<"}, rows) +
           "<p>Means over the regions that are compared; interval and p draw the same images in all of them.</p>\n";
}

std::string group_table(const Evaluation& e) {
    if (e.groups.empty()) return {};
    std::string out = "<h2>Over subjects</h2><div class=scroll><table><tr><th class=t>hemi</th><th class=t>region</th><th class=t>model</th><th class=t>of</th><th>subjects</th>"
                      "<th>mean</th><th>sign-flip p</th><th>random effects</th><th>95 %</th><th>between subjects</th><th class=t></th></tr>\n";
    for (const auto& g : e.groups)
        out += fmt::format("<tr><td class=t>{}</td><td class=t>{}</td><td class=t>{}</td><td class=t>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{} … {}</td><td>{}</td><td class=t>{}</td></tr>\n",
                           escaped(g.hemisphere), escaped(g.roi), escaped(e.label[g.model]), g.quantity == "mean_r" ? "mean r" : "gain", g.subject.size(), cell(g.test.mean, "{:+.3f}"),
                           cell(g.test.sign_flip_p, "{:.4f}"), cell(g.test.estimate, "{:+.3f}"), cell(g.test.low, "{:+.3f}"), cell(g.test.high, "{:+.3f}"),
                           cell(g.test.between, "{:.3f}"), optimistic_mark(g.optimistic));
    return out + "</table></div>\n";
}

}  // namespace

std::string evaluation_page(const Evaluation& e, const std::vector<Figure>& figures, const nlohmann::json& provenance) {
    std::string out = page_head("Encoding accuracy");
    out += fmt::format("<p>Protocol {}, {} {}, models: ", escaped(e.protocol), e.rois.size(), e.rois.size() == 1 ? "region" : "regions");
    for (std::size_t m = 0; m < e.label.size(); ++m) out += fmt::format("{}{}", m ? ", " : "", escaped(e.label[m]));
    out += fmt::format(". Gains are against {}.</p>\n", e.label.empty() ? "" : escaped(e.label[0]));
    if (e.optimistic) out += fmt::format("<p class=warn>Optimistic: {}.</p>\n", escaped(e.optimistic_reason));
    else out += "<p>Nothing that is scored here tuned a network or selected a penalty or a layer.</p>\n";
    if (!e.data_warnings.empty()) {
        out += "<h2>What looked wrong in the data</h2><ul>\n";
        for (const auto& text : e.data_warnings) out += fmt::format("<li class=warn>{}</li>\n", escaped(text));
        out += "</ul>\n";
    } else if (!e.data_checks.empty()) {
        out += "<p>The checks of the extraction found nothing that looks wrong.</p>\n";
    }
    if (!e.unchecked.empty()) out += fmt::format("<p class=warn>The data of {} were not checked.</p>\n", escaped(join(e.unchecked)));
    if (!e.data_checks.empty()) {
        out += "<details><summary>What else the checks say</summary><ul>\n";
        for (const auto& text : e.data_checks) out += fmt::format("<li>{}</li>\n", escaped(text));
        out += "</ul></details>\n";
    }
    for (const auto& f : figures) out += figure_html(f);
    out += "<h2>Regions and models</h2><div class=scroll><table><tr><th class=t>subject</th><th class=t>hemi</th><th class=t>region</th><th>voxels</th><th class=t>model</th>";
    if (e.protocol == "mixed") out += "<th class=t>protocol</th>";
    out += "<th>mean r</th><th>95 %</th><th>ceiling r</th><th>of ceiling</th><th>above it</th><th>significant</th><th>gain</th><th>95 %</th><th>p</th><th>improved</th><th class=t></th></tr>\n";
    std::set<std::string> ceilings;
    for (const auto& roi : e.rois) ceilings.insert(roi.ceiling_mode);
    out += rows(e) + "</table></div>\n<p>noise ceilings: " + escaped(join({ceilings.begin(), ceilings.end()})) + "; mean r: over voxels, on the scored images; of ceiling: median over voxels of max(r, 0)² / noise ceiling, not capped; above it: "
                     "voxels that exceed their ceiling; significant: "
                     "share of voxels at a false discovery rate of .05; gain: mean r minus the first model's, with its bootstrap interval over images and the p of "
                     "exchanging the models' predictions image by image; improved: share of voxels with a higher r.</p>\n";
    out += set_table(e) + group_table(e);
    out += fmt::format("<h2>How this came about</h2><pre>{}</pre>\n", escaped(h5::provenance_text(provenance)));
    return out + page_end();
}

}  // namespace cortune::report
