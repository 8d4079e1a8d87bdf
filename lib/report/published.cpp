// SPDX-License-Identifier: BSD-3-Clause
#include "report/published.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.hpp"
#include "core/system.hpp"
#include "core/text.hpp"
#include "stats/correlation.hpp"
#include "stats/group.hpp"

namespace cortune::report {

Published::Published(const std::filesystem::path& file) {
    require_readable(file);
    std::ifstream in(file);
    const auto json = nlohmann::json::parse(in, nullptr, false);
    const std::string hint = R"(expected {"source": TEXT, "results": {"subj01": {"lh_V1v": {"untuned": {"mean_r": 0.5}}}}})";
    if (json.is_discarded() || !json.is_object() || !json.contains("source") || !json["source"].is_string() || !json.contains("results") || !json["results"].is_object())
        throw BadInput(file.string() + ": no table of published accuracies", hint);
    source_ = json["source"].get<std::string>();
    for (const auto& [subject, regions] : json["results"].items())
        for (const auto& [region, methods] : regions.items())
            for (const auto& [method, figures] : methods.items()) {
                if (!figures.is_object() || !figures.contains("mean_r") || !figures["mean_r"].is_number())
                    throw BadInput(fmt::format("{}: results/{}/{}/{}: mean_r is missing", file.string(), subject, region, method), hint);
                mean_r_[subject][region][method] = figures["mean_r"].get<double>();
            }
    if (mean_r_.empty()) throw BadInput(file.string() + ": holds no result", hint);
}

bool Published::has_method(const std::string& method) const {
    for (const auto& [subject, regions] : mean_r_)
        for (const auto& [region, methods] : regions)
            if (methods.contains(method)) return true;
    return false;
}

std::string Published::methods() const {
    std::set<std::string> all;
    for (const auto& [subject, regions] : mean_r_)
        for (const auto& [region, methods] : regions)
            for (const auto& [method, r] : methods) all.insert(method);
    return join({all.begin(), all.end()});
}

double Published::mean_r(const std::string& subject, const std::string& hemisphere, const std::string& roi, const std::string& method) const {
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    const auto s = mean_r_.find(subject);
    if (s == mean_r_.end()) return unknown;
    const auto region = s->second.find(hemisphere + "_" + roi);
    if (region == s->second.end()) return unknown;
    const auto found = region->second.find(method);
    return found == region->second.end() ? unknown : found->second;
}

std::vector<BesidePublished> beside_published(const encode::Evaluation& e, const Published& published, const std::map<std::string, std::string>& names) {
    std::vector<BesidePublished> out;
    const auto reference = names.find(e.label.at(0));
    for (const auto& roi : e.rois)
        for (std::size_t m = 0; m < e.label.size(); ++m) {
            const auto theirs = names.find(e.label[m]);
            if (theirs == names.end() || !roi.models[m].present) continue;
            const double r = published.mean_r(roi.subject, roi.hemisphere, roi.roi, theirs->second);
            if (std::isnan(r) || std::isnan(roi.models[m].mean_r)) continue;
            auto row = std::find_if(out.begin(), out.end(), [&](const auto& b) { return b.hemisphere == roi.hemisphere && b.roi == roi.roi && b.method == e.label[m]; });
            if (row == out.end()) row = out.insert(out.end(), BesidePublished{roi.hemisphere, roi.roi, e.label[m], theirs->second});
            ++row->subjects;
            row->r += roi.models[m].mean_r;
            row->published_r += r;
            row->gain += m > 0 ? roi.models[m].test.difference : std::numeric_limits<double>::quiet_NaN();
            row->published_gain += m > 0 && reference != names.end() ? r - published.mean_r(roi.subject, roi.hemisphere, roi.roi, reference->second) : std::numeric_limits<double>::quiet_NaN();
        }
    for (auto& row : out)
        for (double* v : {&row.r, &row.published_r, &row.gain, &row.published_gain}) *v /= static_cast<double>(row.subjects);
    return out;
}

std::vector<Agreement> agreement(const std::vector<BesidePublished>& rows) {
    std::vector<Agreement> out;
    for (const auto& first : rows) {
        if (std::any_of(out.begin(), out.end(), [&](const auto& a) { return a.method == first.method; })) continue;
        std::vector<double> ours, theirs, difference;
        for (const auto& r : rows)
            if (r.method == first.method) ours.push_back(r.r), theirs.push_back(r.published_r), difference.push_back(r.r - r.published_r);
        const auto n = static_cast<Eigen::Index>(ours.size());
        const Eigen::Map<const Eigen::VectorXd> x(ours.data(), n), y(theirs.data(), n);
        const auto test = stats::group_test(difference, std::vector<double>(difference.size(), std::numeric_limits<double>::quiet_NaN()));
        out.push_back({first.method, ours.size(), x.mean(), y.mean(), test.sign_flip_p, stats::pearson(x, y)});
    }
    return out;
}

}  // namespace cortune::report
