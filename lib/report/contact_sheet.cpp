// SPDX-License-Identifier: BSD-3-Clause
#include "report/contact_sheet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <unordered_map>

#include "report/html.hpp"
#include "report/overlay.hpp"

namespace cortune::report {
namespace {

using salience::SalienceFile;

// A picture that both files have.
struct Shared {
    std::int64_t row;          // of the data set
    std::size_t left, right;   // in the files
};

std::vector<Shared> shared_pictures(const datasets::DatasetFile& data, const SalienceFile& left, const SalienceFile& right) {
    const auto places = [](const std::vector<std::string>& id) {
        std::unordered_map<std::string, std::size_t> out;
        for (std::size_t i = 0; i < id.size(); ++i) out.emplace(id[i], i);
        return out;
    };
    const auto in_left = places(left.header().image), in_right = places(right.header().image);
    std::vector<Shared> out;
    for (std::size_t row = 0; row < data.images().id.size(); ++row) {
        const auto l = in_left.find(data.images().id[row]), r = in_right.find(data.images().id[row]);
        if (l == in_left.end() || r == in_right.end()) continue;
        const std::string& pixels = data.images().sha256[row];
        if (pixels == left.images().sha256[l->second] && pixels == right.images().sha256[r->second]) out.push_back({static_cast<std::int64_t>(row), l->second, r->second});
    }
    return out;
}

// Mean over the region's vertices, z-scored over the pictures.
std::vector<double> responses_of(const datasets::DatasetFile& data, const std::string& hemisphere, const SheetRegion& region, const std::vector<Shared>& pictures) {
    const auto roi = data.roi(hemisphere, region.roi_class, region.roi);
    std::vector<std::int64_t> rows;
    for (const auto& p : pictures) rows.push_back(p.row);
    const auto values = data.responses(hemisphere, rows, roi.column);
    std::vector<double> mean(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
        for (std::size_t v = 0; v < roi.column.size(); ++v) mean[i] += static_cast<double>(values[i * roi.column.size() + v]) / static_cast<double>(roi.column.size());
    const double centre = std::accumulate(mean.begin(), mean.end(), 0.) / static_cast<double>(mean.size());
    double square = 0;
    for (const double m : mean) square += (m - centre) * (m - centre);
    const double deviation = std::sqrt(square / static_cast<double>(mean.size()));
    for (double& m : mean) m = deviation > 0 ? (m - centre) / deviation : 0;
    return mean;
}

std::string cell_of(const SalienceFile& file, std::size_t at, const std::vector<std::uint8_t>& pixels, const char* name) {
    const auto map = file.map(static_cast<std::int64_t>(at));
    const auto& i = file.images();
    const std::string of = i.of.empty() ? "" : i.of[at] + ", ";
    return fmt::format("<figure>{}<figcaption>{}{}index {}</figcaption></figure>", image_html(overlay(pixels.data(), map.data(), file.header().image_size), 132, name), i.tuned[at] ? "tuned the network, " : i.fitted[at] ? "fitted the score, " : "", escaped(of),
                       cell(i.index[at], "{:+.2f}"));
}

}  // namespace

bool shares_pictures(const datasets::DatasetFile& data, const SalienceFile& left, const SalienceFile& right) { return shared_pictures(data, left, right).size() > 1; }

std::string contact_sheet(const datasets::DatasetFile& data, const SheetRegion& region, const SalienceFile& left, const SalienceFile& right, int pictures) {
    const auto shared = shared_pictures(data, left, right);
    if (shared.size() < 2)
        throw BadInput(fmt::format("{}, {} and {}: no two pictures in common", data.where(), left.input().path().string(), right.input().path().string()), "make maps of the pictures of this data set");
    const int size = data.header().image_size;
    if (left.header().image_size != size || right.header().image_size != size) throw BadInput(fmt::format("{}: pictures of {} pixels, and maps of {} and {}", data.where(), size, left.header().image_size, right.header().image_size));
    std::map<std::string, std::vector<double>> response;
    for (const char* hemisphere : {"lh", "rh"}) response[hemisphere] = responses_of(data, hemisphere, region, shared);
    std::vector<std::size_t> order(shared.size());
    std::iota(order.begin(), order.end(), 0);
    const auto strength = [&](std::size_t i) { return response["lh"][i] + response["rh"][i]; };
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return strength(a) > strength(b); });
    order.resize(std::min(order.size(), static_cast<std::size_t>(pictures)));
    std::string out = fmt::format("<p>The {} pictures, of {}, that {} answers to most (mean over its vertices, z-scored in each hemisphere); maps by {} of the left (middle) and of the right hemisphere (right). Every map from 0 to its largest value: {} "
                                  "Index: (left \u2212 right) / (left + right) of the map.</p>\n<style>.sheet {{ display: flex; flex-wrap: wrap; gap: .8rem 1.6rem }} .sheet > div {{ display: flex; gap: .3rem }} .sheet figure {{ margin: 0 }} .sheet figcaption {{ font-size: 12px }}</style><div class=sheet>\n",
                                  order.size(), shared.size(), escaped(region.roi), escaped(left.header().map_method), image_html(colour_bar(120, 8), 120, "colour bar"));
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(size) * static_cast<std::size_t>(size) * 3);
    for (const auto i : order) {
        const auto& p = shared[i];
        data.read_pixels(static_cast<std::uint64_t>(p.row), 1, pixels.data());
        const std::string& id = data.images().id[static_cast<std::size_t>(p.row)];
        out += fmt::format("<div><figure>{}<figcaption>{}<br>lh {:+.2f}, rh {:+.2f}</figcaption></figure>{}{}</div>\n", image_html({size, size, pixels}, 132, id), escaped(id), response["lh"][i], response["rh"][i],
                           cell_of(left, p.left, pixels, "left hemisphere"), cell_of(right, p.right, pixels, "right hemisphere"));
    }
    return out + "</div>\n";
}

}  // namespace cortune::report
