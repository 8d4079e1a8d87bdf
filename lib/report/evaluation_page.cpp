// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <cmath>

#include "core/system.hpp"
#include "core/text.hpp"
#include "h5/provenance.hpp"
#include "report/evaluation_report.hpp"

namespace cortune::report {
namespace {

using encode::Evaluation;

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            default: out += c;
        }
    return out;
}

constexpr const char* page_style = R"(
:root { color-scheme: light dark; --ink: #1a1a1a; --faint: #666; --paper: #fff; --line: #ddd; --mark: #b34700; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --faint: #a0a0a0; --paper: #161616; --line: #3a3a3a; --mark: #ffb07a; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto; padding: 1.5rem 1rem; max-width: 1200px; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
p, figcaption { color: var(--faint); margin: .3rem 0 } .warn { color: var(--mark); font-weight: 600 }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid var(--line) } th { font-weight: 600 }
td.t, th.t { text-align: left } tr.first td { border-top: 2px solid var(--line) }
figure { margin: 1rem 0; } figure .panel { background: #fff; border: 1px solid var(--line); border-radius: 6px; padding: .5rem; overflow-x: auto }
figure svg { width: 100%; height: auto; display: block } pre { overflow-x: auto; font-size: 12px; line-height: 1.4 }
)";

std::string cell(double value, const char* format) {
    return std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : std::string("–");
}

const char* optimistic_mark(bool optimistic) { return optimistic ? "<span class=warn>optimistic</span>" : ""; }

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
                               cell(s.mean_r_high, "{:.3f}"), cell(roi.ceiling_r, "{:.3f}"), cell(s.median_share_of_ceiling * 100, "{:.0f} %"), std::isfinite(s.challenge_score) ? std::to_string(s.above_ceiling) : "–",
                               cell(s.share_significant * 100, "{:.0f} %"));
            out += fmt::format("<td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=t>{}</td></tr>\n", cell(s.test.difference, "{:+.3f}"),
                               std::isfinite(s.test.low) ? fmt::format("{:+.3f} … {:+.3f}", s.test.low, s.test.high) : "–", cell(s.test.p, "{:.4f}"),
                               cell(s.test.share_improved * 100, "{:.0f} %"), optimistic_mark(s.optimistic));
        }
    return out;
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
    std::string out = fmt::format("<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width, initial-scale=1\">"
                                  "<title>Encoding accuracy</title><style>{}</style></head><body>\n", page_style);
    out += fmt::format("<h1>Encoding accuracy</h1><p>Protocol {}, {} {}, models: ", escaped(e.protocol), e.rois.size(), e.rois.size() == 1 ? "region" : "regions");
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
    for (const auto& f : figures)
        out += fmt::format("<figure id=\"{}\"><h2>{}</h2><div class=panel><div style=\"width:{}px{}\">{}</div></div><figcaption>{}</figcaption></figure>\n",
                           f.name, escaped(f.title), f.width, f.shrinks ? ";max-width:100%" : "", f.svg, escaped(f.caption));
    out += "<h2>Regions and models</h2><div class=scroll><table><tr><th class=t>subject</th><th class=t>hemi</th><th class=t>region</th><th>voxels</th><th class=t>model</th>";
    if (e.protocol == "mixed") out += "<th class=t>protocol</th>";
    out += "<th>mean r</th><th>95 %</th><th>ceiling r</th><th>of ceiling</th><th>above it</th><th>significant</th><th>gain</th><th>95 %</th><th>p</th><th>improved</th><th class=t></th></tr>\n";
    out += rows(e) + "</table></div>\n<p>mean r: over voxels, on the scored images; of ceiling: median over voxels of max(r, 0)² / noise ceiling, not capped; above it: "
                     "voxels that exceed their ceiling; significant: "
                     "share of voxels at a false discovery rate of .05; gain: mean r minus the first model's, with its bootstrap interval over images and the p of "
                     "exchanging the models' predictions image by image; improved: share of voxels with a higher r.</p>\n";
    out += group_table(e);
    out += fmt::format("<h2>How this came about</h2><pre>{}</pre>\n<p>Written by cortune {}.</p></body></html>\n", escaped(h5::provenance_text(provenance)), version());
    return out;
}

}  // namespace cortune::report
