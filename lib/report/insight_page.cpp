// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>

#include "core/text.hpp"
#include "report/contact_sheet.hpp"
#include "report/forest.hpp"
#include "report/html.hpp"
#include "report/insight_report.hpp"

namespace cortune::report {
namespace {

std::string finding_html(const Finding& f) {
    if (f.figure.svg.empty() && f.sentence.empty()) return {};
    const std::string figure = f.figure.svg.empty() ? fmt::format("<h2>{}</h2>\n", escaped(f.figure.title)) : figure_html(f.figure);
    return figure + "<p class=said>" + f.sentence + "</p>\n" + details_html("numbers", f.table);
}

const salience::SalienceFile* file_of(const InsightReport& r, const std::string& uuid) {
    const auto found = std::find_if(r.salience.begin(), r.salience.end(), [&](const auto& f) { return f.input().uuid() == uuid; });
    return found == r.salience.end() ? nullptr : &*found;
}

// For every pair whose maps and data are there.
std::string sheets_html(const InsightReport& r) {
    std::string out;
    std::vector<bool> used(r.data.size());
    for (const auto& l : r.lateralization)
        for (const auto& p : l.pairs) {
            const auto *left = file_of(r, p.left_uuid), *right = file_of(r, p.right_uuid);
            if (!left || !right) continue;
            for (std::size_t d = 0; d < r.data.size(); ++d) {
                const auto& data = r.data[d];
                if (p.score.subject != data.header().subject || !shares_pictures(data, *left, *right)) continue;
                used[d] = true;
                out += fmt::format("<h3>{}</h3>\n", escaped(p.label())) + contact_sheet(data, {p.score.roi_class, p.score.roi}, *left, *right, r.sheet_pictures);
            }
        }
    for (std::size_t d = 0; d < r.data.size(); ++d)
        if (!used[d])
            throw BadInput(fmt::format("{}: no lateralization is of {}'s responses with both salience files here", r.data[d].where(), r.data[d].header().subject), "give the lateralization and the salience files that it compares, or no --data");
    return out.empty() ? out : fmt::format("<h2>What the regions answer to, and where their networks look</h2>\n{}", out);
}

std::string commands_html(const nlohmann::json& nodes) {
    std::vector<std::pair<std::string, std::string>> lines;
    for (const auto& [uuid, node] : nodes.items()) {
        lines.emplace_back(node.value("created", ""), join(node.value("argv", std::vector<std::string>()), " "));
    }
    std::sort(lines.begin(), lines.end());
    std::string out = "<pre>";
    for (const auto& [created, line] : lines) out += fmt::format("{}  {}\n", escaped(created), escaped(line));
    return details_html(fmt::format("the {} commands behind this page", lines.size()), out + "</pre>");
}

}  // namespace

std::string insight_page(const InsightReport& r) {
    std::string out = page_head(r.title);
    out += "<style>p.said { color: var(--ink); max-width: 60rem } h3 { font-size: 1rem; margin: 1rem 0 .3rem }</style>\n";
    for (const auto& note : r.notes) out += fmt::format("<p>{}</p>\n", escaped(note));
    std::size_t number = 0;
    if (!r.fields.empty())
        for (const auto& f : r.fields) out += finding_html(field_finding(f, ++number));
    if (!r.lateralization.empty() || !r.controls.empty()) out += finding_html(lateral_finding(r.lateralization, r.controls));
    out += sheets_html(r);
    for (const auto& l : r.landscapes) out += finding_html(landscape_finding(l, ++number));
    if (!r.probes.empty()) out += finding_html(probe_finding(r.probes));
    if (!r.information.empty()) out += finding_html(information_finding(r.information));
    if (!r.salience.empty()) out += finding_html(salience_finding(r.salience));
    return out + fmt::format("<p>“Significant”: at a false discovery rate of {:.0f} % over the comparisons of a figure (Benjamini &amp; Hochberg). Intervals are 95 %, over pictures where nothing else is said.</p>\n", 100 * false_discovery_rate) + commands_html(r.provenance) + page_end();
}

}  // namespace cortune::report
