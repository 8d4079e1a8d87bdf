// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>

#include "core/system.hpp"
#include "core/text.hpp"
#include "encode/evaluation_mean.hpp"
#include "report/html.hpp"
#include "report/study_figures.hpp"
#include "report/study_report.hpp"
#include "report/transfer_figure.hpp"

namespace cortune::report {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string percent(double share) { return cell(share * 100, "{:.0f} %"); }
std::string signed_percent(double share) { return cell(share * 100, "{:+.0f} %"); }

std::string drawn(const Figure& f) { return f.svg.empty() ? std::string() : figure_html(f); }

std::string seeds_text(std::size_t seeds) { return seeds == 1 ? "One seed." : fmt::format("{} seeds, averaged.", seeds); }

// Rows of one comparison, or of transfer.
std::string rows_table(const std::vector<StudyRow>& rows, const std::string& part, const std::string& against) {
    Rows out;
    for (const auto& r : rows) {
        if (r.part != part || r.against != against) continue;
        const bool difference = r.model.ends_with("own minus others'");
        out.push_back({escaped(r.model), r.set, std::to_string(r.subjects), cell(r.regions, "{:.3g}"), cell(r.mean_r, "{:.3f}"), cell(r.reference_r, "{:.3f}"), cell(r.gain, "{:+.4f}"), cell(r.p, "{:.4f}"),
                       cell(r.estimate, "{:+.4f}"), interval_cell(r.low, r.high, "{:+.4f}"), difference ? signed_percent(r.share_improved) : percent(r.share_improved), cell(r.share_p, "{:.4f}"),
                       optimistic_mark(r.optimistic)});
    }
    if (out.empty()) return {};
    return table_html({"<", "<regions", "subjects", "number", "mean r", "reference", "gain", "p", "estimate", "95 %", "improved", "p", "<"}, out);
}

// A row a region, columns for every model.
std::string region_table(const encode::Evaluation& means, const encode::Evaluation& by_subject) {
    std::vector<std::string> names = {"<region", "subjects", "ceiling r", means.label[0]};
    for (std::size_t m = 1; m < means.label.size(); ++m)
        for (const std::string& name : {means.label[m], std::string("gain"), std::string("95 %"), std::string("p"), std::string("improved"), std::string("p")}) names.push_back(name);
    Rows rows;
    for (const auto& roi : means.rois) {
        const auto subjects = std::count_if(by_subject.rois.begin(), by_subject.rois.end(), [&](const auto& r) { return r.hemisphere == roi.hemisphere && r.roi_class == roi.roi_class && r.roi == roi.roi; });
        std::vector<std::string> row = {escaped(roi.hemisphere + ' ' + roi.roi), std::to_string(subjects), cell(roi.ceiling_r, "{:.3f}"), cell(roi.models[0].mean_r, "{:.3f}")};
        for (std::size_t m = 1; m < means.label.size(); ++m) {
            const auto& s = roi.models[m];
            if (!s.present) {
                row.insert(row.end(), 6, "–");
                continue;
            }
            row.insert(row.end(), {cell(s.mean_r, "{:.3f}"), cell(s.test.difference, "{:+.4f}"), interval_cell(s.test.low, s.test.high, "{:+.4f}"), cell(s.test.p, "{:.4f}"), percent(s.test.share_improved), cell(s.test.share_p, "{:.4f}")});
        }
        rows.push_back(std::move(row));
    }
    return table_html(names, rows);
}

std::string subject_table(const encode::Evaluation& e) {
    Rows rows;
    for (const auto& roi : e.rois)
        for (std::size_t m = 0; m < roi.models.size(); ++m) {
            const auto& s = roi.models[m];
            if (!s.present) continue;
            rows.push_back({escaped(roi.subject), escaped(roi.hemisphere), escaped(roi.roi), std::to_string(roi.voxels), escaped(e.label[m]), cell(s.mean_r, "{:.3f}"), interval_cell(s.mean_r_low, s.mean_r_high, "{:.3f}"),
                            cell(roi.ceiling_r, "{:.3f}"), m ? cell(s.test.difference, "{:+.4f}") : "–", m ? interval_cell(s.test.low, s.test.high, "{:+.4f}") : "–", m ? cell(s.test.p, "{:.4f}") : "–",
                            m ? percent(s.test.share_improved) : "–", m ? cell(s.test.share_p, "{:.4f}") : "–", optimistic_mark(s.optimistic)});
        }
    return table_html({"<subject", "<hemi", "<region", "voxels", "<model", "mean r", "95 %", "ceiling r", "gain", "95 %", "p", "improved", "p", "<"}, rows);
}

// Regions in which more than one model is.
encode::Evaluation compared(const encode::Evaluation& e) {
    encode::Evaluation out = e;
    std::erase_if(out.rois, [](const auto& roi) { return std::count_if(roi.models.begin(), roi.models.end(), [](const auto& m) { return m.present; }) < 2; });
    return out;
}

std::string tuning_section(const StudyPart& part, const std::vector<StudyRow>& rows, const std::string& id) {
    const auto& e = part.tuning.by_subject;
    const auto subjects = compared(e), means = mean_over_subjects(subjects, 0);
    if (means.rois.empty()) return "<p class=warn>No tuned network was compared with the untuned one.</p>\n";
    const encode::Regions regions(share_dir() / "roi" / "regions.json");
    std::string out = fmt::format("<h2>What tuning bought</h2>\n<p>Against {}; protocol {}. {}</p>\n", escaped(e.label[0]), escaped(e.protocol), seeds_text(part.tuning.seeds));
    out += rows_table(rows, part.name, e.label[0]);
    out += drawn(accuracy_figure(means, id + "-accuracy")) + drawn(improved_figure(means, id + "-improved"));
    out += "<h2>By region</h2>\n" + region_table(means, subjects) + details_html("Every subject", subject_table(subjects));
    std::string layers;
    for (const char* set : encode::region_sets) layers += drawn(set_layers_figure(subjects, regions, set, fmt::format("{}-layers-{}", id, set)));
    std::string by_region;
    for (std::size_t m = 0; m < means.label.size(); ++m) by_region += drawn(layer_figure(means, m, fmt::format("{}-layers-{}", id, m)));
    if (!by_region.empty()) layers += details_html("Every region", by_region);
    return out + layers;
}

std::string comparison_section(const StudyPart& part, const StudyComparison& c, const std::vector<StudyRow>& rows, const std::string& id) {
    const auto& e = c.by_subject;
    const auto subjects = compared(e), means = mean_over_subjects(subjects, 0);
    if (means.rois.empty()) return {};
    std::vector<std::string> others(e.label.begin() + 1, e.label.end());
    return fmt::format("<h2>{} against {}</h2>\n<p>{}</p>\n", escaped(join(others)), escaped(e.label[0]), seeds_text(c.seeds)) + rows_table(rows, part.name, e.label[0]) + drawn(improved_figure(means, id)) +
           details_html("By region", region_table(means, subjects)) + details_html("Every subject", subject_table(subjects));
}

std::string transfer_section(const StudyPart& part, const std::vector<StudyRow>& rows, const std::string& id) {
    if (part.transfers.empty()) return {};
    std::string out = "<h2>Transfer</h2>\n" + rows_table(rows, part.name, "transfer");
    for (std::size_t i = 0; i < part.transfers.size(); ++i) {
        const auto& t = part.transfers[i];
        if (t.groups.empty()) continue;
        Figure map = transfer_figure(t.groups, fmt::format("{}-transfer-{}", id, i));
        map.title += ", " + t.method;
        map.caption += ' ' + seeds_text(t.seeds);
        out += drawn(map);
        Rows pairs;
        for (const auto& g : t.groups)
            pairs.push_back({escaped(g.source), escaped(g.target), g.group, std::to_string(g.rois), cell(g.test.gain, "{:+.4f}"), interval_cell(g.test.low, g.test.high, "{:+.4f}"), cell(g.test.p, "{:.4f}"),
                             percent(g.test.share_improved), cell(g.test.share_p, "{:.4f}"), g.within ? "own" : "", optimistic_mark(g.optimistic)});
        out += details_html("Every pair", table_html({"<tuned to", "<tried on", "<regions", "number", "gain", "95 %", "p", "improved", "p", "<", "<"}, pairs));
    }
    return out;
}

std::string published_summary(const std::vector<BesidePublished>& rows) {
    Rows out;
    for (const auto& a : agreement(rows))
        out.push_back({escaped(a.method), std::to_string(a.regions), cell(a.r, "{:.3f}"), cell(a.published_r, "{:.3f}"), cell(a.r - a.published_r, "{:+.4f}"), cell(a.p, "{:.4f}"), cell(a.correlation, "{:.2f}")});
    return table_html({"<method", "regions", "mean r", "published", "difference", "p", "correlation"}, out) +
           "<p>Over regions, as if these were independent: p flips the signs of their differences.</p>\n";
}

std::string published_section(const StudyReport& report, const StudyPart& part, const std::string& id) {
    if (!report.published) return {};
    const auto beside = beside_published(part.tuning.by_subject, *report.published, report.published_names);
    std::string out = fmt::format("<h2>Beside published numbers</h2>\n<p>{}</p>\n", escaped(report.published->source()));
    if (beside.empty()) return out + "<p class=warn>No subject, region and method here has the name of a published one.</p>\n";
    Rows rows;
    for (const auto& b : beside)
        rows.push_back({escaped(b.hemisphere + ' ' + b.roi), escaped(b.method), escaped(b.theirs), std::to_string(b.subjects), cell(b.r, "{:.3f}"), cell(b.published_r, "{:.3f}"), cell(b.gain, "{:+.4f}"), cell(b.published_gain, "{:+.4f}")});
    return out + published_summary(beside) + "<p>Subjects are matched by name; protocols may differ, and the published numbers may be optimistic.</p>\n" + drawn(published_figure(beside, id, part.tuning.by_subject.optimistic)) +
           table_html({"<region", "<method", "<published as", "subjects", "mean r", "published", "gain", "published gain"}, rows);
}

std::string part_notes(const StudyPart& part) {
    const auto& e = part.tuning.by_subject;
    std::string out;
    bool optimistic = e.optimistic;
    for (const auto& c : part.comparisons) optimistic |= c.by_subject.optimistic;
    for (const auto& t : part.transfers)
        for (const auto& g : t.groups) optimistic |= g.optimistic;
    out += optimistic ? fmt::format("<p class=warn>Some numbers are optimistic and marked so{}{}.</p>\n", e.optimistic ? ": " : "", escaped(e.optimistic_reason))
                      : "<p>Nothing that is scored here tuned a network or selected a penalty or a layer.</p>\n";
    std::string list;
    for (const auto& note : part.notes) list += fmt::format("<li>{}</li>\n", escaped(note));
    for (const auto& warning : e.data_warnings) list += fmt::format("<li class=warn>{}</li>\n", escaped(warning));
    if (!list.empty()) out += "<ul>\n" + list + "</ul>\n";
    return out;
}

constexpr const char* reading =
    "<p>gain: mean r minus the reference's, mean over voxels, regions and subjects, and p of flipping the subjects' signs (smallest: 2 / 2ⁿ for n subjects). estimate: the same by DerSimonian and Laird's "
    "random-effects model with its 95 % interval, from every subject's bootstrap over images (the same images drawn in all regions); tables by region and their figures show this estimate, with the p of flipped "
    "signs. Of one subject they are its gain, its bootstrap's interval and the p of exchanging predictions image by image. Over several seeds values and ends of intervals are averaged, and the p of one subject is "
    "twice the seeds' mean. improved: share of voxels with a higher r than the reference's; p, of its distance from one half. Transfer: own and others' networks are compared in the regions that both were tried on; "
    "subjects share the networks of the others, so that these values are not quite independent.</p>\n";

}  // namespace

std::string study_page(const StudyReport& report, const std::vector<StudyRow>& rows) {
    std::string out = page_head(report.title) + reading;
    for (std::size_t i = 0; i < report.parts.size(); ++i) {
        const StudyPart& part = report.parts[i];
        const std::string id = fmt::format("study-{}", i);
        if (report.parts.size() > 1) out += fmt::format("<h1 id=\"{}\">{}</h1>\n", id, escaped(part.name));
        out += part_notes(part) + tuning_section(part, rows, id);
        for (std::size_t c = 0; c < part.comparisons.size(); ++c) out += comparison_section(part, part.comparisons[c], rows, fmt::format("{}-comparison-{}", id, c));
        out += transfer_section(part, rows, id) + published_section(report, part, id + "-published");
        out += "<h2>How this came about</h2>\n" + details_html("The study's table", "<pre>" + escaped(part.table) + "</pre>\n");
        out += details_html("Files read", "<pre>" + escaped(join(part.files, "\n")) + "</pre>\n<p>cortune-info FILE prints all that a file was made from.</p>\n");
    }
    return out + page_end();
}

}  // namespace cortune::report
