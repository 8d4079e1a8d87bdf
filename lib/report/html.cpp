// SPDX-License-Identifier: BSD-3-Clause
#include "report/html.hpp"

#include <fmt/format.h>
#include <nettle/base64.h>

#include <cmath>

#include "core/system.hpp"

namespace cortune::report {
namespace {

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
details { margin: .5rem 0 } summary { cursor: pointer; color: var(--faint) } td.low { color: var(--faint) }
figure svg { width: 100%; height: auto; display: block } pre { overflow-x: auto; font-size: 12px; line-height: 1.4 }
)";

}  // namespace

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

std::string page_head(const std::string& title) {
    return fmt::format("<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width, initial-scale=1\">"
                       "<title>{0}</title><style>{1}</style></head><body>\n<h1>{0}</h1>\n", escaped(title), page_style);
}

std::string page_end() { return fmt::format("<p>Written by cortune {}.</p></body></html>\n", version()); }

std::string cell(double value, const char* format) { return std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : std::string("–"); }

std::string interval_cell(double low, double high, const char* format) {
    return std::isfinite(low) && std::isfinite(high) ? cell(low, format) + " … " + cell(high, format) : std::string("–");
}

const char* optimistic_mark(bool optimistic) { return optimistic ? "<span class=warn>optimistic</span>" : ""; }

std::string details_html(const std::string& summary, const std::string& content) {
    return content.empty() ? content : fmt::format("<details><summary>{}</summary>\n{}</details>\n", escaped(summary), content);
}

std::string image_html(const images::Image& image, int width, const std::string& alternative) {
    const auto png = images::encode_png(image);
    std::string text(BASE64_ENCODE_RAW_LENGTH(png.size()), ' ');
    base64_encode_raw(text.data(), png.size(), png.data());
    return fmt::format("<img width={0} height={1} style=\"image-rendering:pixelated\" alt=\"{2}\" title=\"{2}\" src=\"data:image/png;base64,{3}\">", width,
                       width * image.height / image.width, escaped(alternative), text);
}

std::string figure_html(const Figure& f) {
    return fmt::format("<figure id=\"{}\"><h2>{}</h2><div class=panel><div style=\"width:{}px{}\">{}</div></div><figcaption>{}</figcaption></figure>\n",
                       f.name, escaped(f.title), f.width, f.shrinks ? ";max-width:100%" : "", f.svg, escaped(f.caption));
}

std::string table_html(const std::vector<std::string>& names, const std::vector<std::vector<std::string>>& rows) {
    const auto left = [&](std::size_t i) { return names[i].starts_with('<') ? " class=t" : ""; };
    std::string out = "<div class=scroll><table><tr>";
    for (std::size_t i = 0; i < names.size(); ++i) out += fmt::format("<th{}>{}</th>", left(i), escaped(names[i].substr(*left(i) ? 1 : 0)));
    out += "</tr>\n";
    for (const auto& row : rows) {
        out += "<tr>";
        for (std::size_t i = 0; i < row.size(); ++i) out += fmt::format("<td{}>{}</td>", left(i), row[i]);
        out += "</tr>\n";
    }
    return out + "</table></div>\n";
}

}  // namespace cortune::report
