// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "report/html.hpp"
#include "report/landscape_report.hpp"
#include "report/palette.hpp"

namespace cortune::report {
namespace {

using landscape::Landscape;

constexpr const char* map_style = R"(<style>
#map { background: #fff; border: 1px solid var(--line); border-radius: 6px; width: 100%; height: auto; display: block }
#map text { font: 12px system-ui, sans-serif; fill: #333 } #map .tip { font-weight: 600 }
.choices { display: flex; flex-wrap: wrap; gap: 1rem; margin: .5rem 0 } #legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem }
#legend span::before { content: "●"; color: var(--c); margin-right: .3rem }
</style>)";

// Draws the points of `data`; names come up as the pointer or the keyboard reaches them.
constexpr const char* map_script = R"(<script>
const map = document.getElementById('map'), legend = document.getElementById('legend');
const pick = id => document.getElementById(id);
const node = (name, attributes, parent) => {
  const n = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const k in attributes) n.setAttribute(k, attributes[k]);
  parent.appendChild(n); return n;
};
for (const id of ['x', 'y']) data.axes.forEach((text, k) => pick(id).add(new Option(text, k)));
pick('y').value = Math.min(1, data.axes.length - 1);
for (const name of data.factors) pick('by').add(new Option(name, name));
function draw() {
  const x = +pick('x').value, y = +pick('y').value, by = pick('by').value, w = 900, h = 560, m = 50;
  const range = k => { const v = data.points.map(p => p.at[k]); const a = Math.min(...v), b = Math.max(...v), d = (b - a || 1) * .06; return [a - d, b + d]; };
  const [x0, x1] = range(x), [y0, y1] = range(y);
  const px = v => m + (w - 2 * m) * (v - x0) / (x1 - x0), py = v => h - m - (h - 2 * m) * (v - y0) / (y1 - y0);
  map.replaceChildren(); legend.replaceChildren();
  node('path', {d: `M${m} ${h - m}H${w - m}M${m} ${m}V${h - m}`, stroke: '#999', fill: 'none'}, map);
  node('text', {x: w / 2, y: h - 12, 'text-anchor': 'middle'}, map).textContent = data.axes[x];
  node('text', {x: 16, y: h / 2, 'text-anchor': 'middle', transform: `rotate(-90 16 ${h / 2})`}, map).textContent = data.axes[y];
  const values = [...new Set(data.points.filter(p => p.kind === 'tuned').map(p => p[by]))];
  const colour = p => p.kind === 'tuned' ? data.colours[values.indexOf(p[by]) % data.colours.length] : '#000';
  for (const v of values) { const s = document.createElement('span'); s.textContent = v; s.style.setProperty('--c', data.colours[values.indexOf(v) % data.colours.length]); legend.append(s); }
  const tip = node('text', {class: 'tip', 'pointer-events': 'none'}, map);
  for (const p of data.points) {
    const cx = px(p.at[x]), cy = py(p.at[y]), kind = p.kind;
    const s = kind === 'tuned' ? node('circle', {cx, cy, r: 6}, map) : kind === 'untuned' ? node('path', {d: `M${cx} ${cy - 8}l8 14h-16z`}, map)
      : node('path', {d: `M${cx - 7} ${cy}h14M${cx} ${cy - 7}v14M${cx - 5} ${cy - 5}l10 10M${cx + 5} ${cy - 5}l-10 10`, stroke: '#000', 'stroke-width': 2}, map);
    s.setAttribute('fill', colour(p)); s.setAttribute('fill-opacity', p.placed ? .35 : .85); s.setAttribute('tabindex', 0);
    node('title', {}, s).textContent = p.text;
    const show = () => { tip.textContent = p.text; const right = cx > w / 2; tip.setAttribute('x', cx + (right ? -10 : 10)); tip.setAttribute('y', cy - 10); tip.setAttribute('text-anchor', right ? 'end' : 'start'); map.append(tip); };
    s.addEventListener('mouseenter', show); s.addEventListener('focus', show);
    s.addEventListener('mouseleave', () => tip.textContent = '');
    if (kind !== 'tuned') node('text', {x: cx + 10, y: cy + 4}, map).textContent = p.label;
  }
}
for (const id of ['x', 'y', 'by']) pick(id).addEventListener('change', draw);
draw();
</script>)";

nlohmann::ordered_json map_data(const Landscape& l) {
    nlohmann::ordered_json out;
    const auto axes = std::min<Eigen::Index>(l.inpca.eigenvalue.size(), 6);
    for (Eigen::Index k = 0; k < axes; ++k)
        out["axes"].push_back(fmt::format("axis {}{} ({:.1f} %)", k + 1, l.inpca.eigenvalue(k) < 0 ? ", imaginary" : "",
                                          100 * (l.inpca.explained(k) - (k > 0 ? l.inpca.explained(k - 1) : 0))));
    out["factors"] = {"roi", "subject", "hemisphere", "method"};
    for (std::size_t c = 1; c < colour_count; ++c) out["colours"].push_back(colour(c));
    const auto mapped = l.mapped();
    for (std::size_t i = 0; i < l.points.size(); ++i) {
        const auto& p = l.points[i];
        nlohmann::ordered_json point = {{"label", p.label}, {"kind", !p.model ? "point" : p.roi.empty() ? "untuned" : "tuned"}, {"subject", p.subject}, {"hemisphere", p.hemisphere},
                                        {"roi", p.roi},     {"method", p.method},                                    {"placed", p.placed}};
        const Eigen::RowVectorXd at = i < mapped ? Eigen::RowVectorXd(l.inpca.coordinate.row(static_cast<Eigen::Index>(i))) : Eigen::RowVectorXd(l.placed.row(static_cast<Eigen::Index>(i - mapped)));
        for (Eigen::Index k = 0; k < axes; ++k) point["at"].push_back(at(k));
        std::string text = p.label;
        if (!p.roi.empty()) text += fmt::format(": {} {} {}, {}", p.subject, p.hemisphere, p.roi, p.method);
        if (std::isfinite(p.top1)) text += fmt::format(", top-1 {:.3f}", p.top1);
        if (p.placed) text += " (placed)";
        point["text"] = text;
        out["points"].push_back(point);
    }
    return out;
}

// JSON inside a script element: no end tag may be in it.
std::string in_script(const nlohmann::ordered_json& data) {
    std::string out;
    for (const char c : data.dump())
        if (c == '<') out += "\\u003c";
        else out += c;
    return out;
}

std::string groups_html(const Landscape& l) {
    if (l.groups.empty()) return "<p>Nothing to compare: that takes tuned models of which some are alike in a subject, hemisphere, region or method and others are not.</p>\n";
    std::vector<std::vector<std::string>> rows;
    for (const auto& g : l.groups)
        rows.push_back({escaped(g.factor), std::to_string(g.within_pairs), std::to_string(g.between_pairs), cell(g.within, "{:.4f}"), cell(g.between, "{:.4f}"), cell(g.effect, "{:.2f}"), cell(g.p, "{:.4f}"),
                        escaped(g.exchange)});
    return "<p>Mean divergence (nat) of pairs of tuned models that share the factor and of those that do not; effect: the difference over the pairs' pooled standard deviation; "
           "p: one-sided, labels changed places among models that share all other factors, or, where it says free, among all.</p>\n" +
           table_html({"<factor", "pairs within", "between", "mean within", "between", "effect", "p", "<exchange"}, rows);
}

std::string models_html(const Landscape& l) {
    const auto find = [&](auto wanted) {
        for (std::size_t i = 0; i < l.points.size(); ++i)
            if (wanted(l.points[i])) return static_cast<Eigen::Index>(i);
        return Eigen::Index{-1};
    };
    const auto untuned = find([](const auto& p) { return p.model && p.roi.empty(); }), oracle = find([](const auto& p) { return !p.model && p.label == "oracle"; });
    const auto from = [&](Eigen::Index other, std::size_t i) { return other < 0 ? std::string("–") : cell(l.distance.bhattacharyya(other, static_cast<Eigen::Index>(i)), "{:.4f}"); };
    std::vector<std::vector<std::string>> rows;
    for (std::size_t i = 0; i < l.points.size(); ++i) {
        const auto& p = l.points[i];
        rows.push_back({escaped(p.label), escaped(p.method), escaped(p.subject), escaped(p.hemisphere), escaped(p.roi), cell(p.top1, "{:.3f}"), from(untuned, i), from(oracle, i), p.placed ? "placed" : ""});
    }
    return table_html({"<model", "<method", "<subject", "<hemi", "<region", "top-1", "from untuned", "from oracle", "<"}, rows);
}

}  // namespace

std::string landscape_page(const Landscape& l, const std::string& title) {
    std::string out = page_head(title) + map_style;
    out += fmt::format("<p>{} models and points by what they say of {} pictures of {} classes: InPCA of the Bhattacharyya divergences of their class probabilities. "
                       "Along an imaginary axis squared distances count negatively.</p>\n", l.points.size(), l.images, l.classes);
    if (!l.optimistic_reason.empty()) out += fmt::format("<p class=warn>Optimistic: {}.</p>\n", escaped(l.optimistic_reason));
    out += "<div class=choices><label>Colour by <select id=by></select></label><label>across <select id=x></select></label><label>up <select id=y></select></label></div>\n"
           "<svg id=map viewBox=\"0 0 900 560\" role=img aria-label=\"Map of models\"></svg><div id=legend></div>\n";
    out += fmt::format("<script>const data = {};</script>\n{}\n", in_script(map_data(l)), map_script);
    std::vector<std::vector<std::string>> axes;
    for (Eigen::Index k = 0; k < std::min<Eigen::Index>(l.inpca.eigenvalue.size(), 8); ++k)
        axes.push_back({std::to_string(k + 1), cell(l.inpca.eigenvalue(k), "{:.4g}"), cell(100 * l.inpca.explained(k), "{:.1f} %"), cell(l.scaling.eigenvalue(k), "{:.4g}"), cell(100 * l.scaling.explained(k), "{:.1f} %")});
    out += "<h2>Axes</h2>\n" + table_html({"axis", "InPCA eigenvalue", "explained so far", "scaling of angles", "explained so far"}, axes);
    out += "<h2>Do models of a kind lie together?</h2>\n" + groups_html(l);
    out += "<h2>Models</h2>\n" + models_html(l);
    return out + page_end();
}

}  // namespace cortune::report
