// SPDX-License-Identifier: BSD-3-Clause
#include "salience/fields_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.hpp"

namespace cortune::salience {
namespace {

void write_scores(h5::Node& node, const FieldScores& s) {
    node.attr("compared", s.compared), node.attr("mean_x", s.mean_x), node.attr("mean_y", s.mean_y);
    if (!std::isfinite(s.r_x)) return;
    node.attr("r_x", s.r_x), node.attr("r_x_low", s.r_x_low), node.attr("r_x_high", s.r_x_high);
    node.attr("r_y", s.r_y), node.attr("r_y_low", s.r_y_low), node.attr("r_y_high", s.r_y_high);
    node.attr("same_half", s.same_half), node.attr("distance", s.distance);
}

void write_region(h5::Node& regions, const FieldRegion& r, const FieldScores& s) {
    h5::Node group = regions.create_group(fmt::format("{}/{}/{}", r.hemisphere, link_name(r.roi_class), link_name(r.roi)));
    group.attr("hemisphere", r.hemisphere), group.attr("roi_class", r.roi_class), group.attr("roi", r.roi);
    group.attr("layer", r.layer);
    write_scores(group, s);
    group.scale("voxel", std::span<const std::int32_t>(r.column), {"column of the data set's responses"});
    group.put("cv_r", {"voxel"}, r.cv_r, {"cross-validated r of the prediction"});
    auto map = group.create_rows("map", {"voxel", "map_row", "map_column"}, std::nullopt, {"mean over images of the squared gradient of the voxel's predicted response"});
    map.write_rows(0, r.column.size(), r.map.data());
    std::vector<double> x, y, spread;
    for (const auto& c : r.centre) x.push_back(c.x), y.push_back(c.y), spread.push_back(c.spread);
    group.put("x", {"voxel"}, x, {"centre of the map above half of its largest value", "picture width"});
    group.put("y", {"voxel"}, y, {"the same, downward", "picture width"});
    group.put("spread", {"voxel"}, spread, {"standard deviation of it", "picture width"});
    if (r.true_x.empty()) return;
    group.put("true_x", {"voxel"}, r.true_x, {"known centre", "picture width"});
    group.put("true_y", {"voxel"}, r.true_y, {"the same, downward", "picture width"});
}

FieldScores read_scores(const h5::Node& node) {
    FieldScores s;
    s.compared = node.attr_int("compared"), s.mean_x = node.attr_double("mean_x"), s.mean_y = node.attr_double("mean_y");
    const auto read = [&](const char* name) { return node.has_attr(name) ? node.attr_double(name) : std::nan(""); };
    s.r_x = read("r_x"), s.r_x_low = read("r_x_low"), s.r_x_high = read("r_x_high");
    s.r_y = read("r_y"), s.r_y_low = read("r_y_low"), s.r_y_high = read("r_y_high");
    s.same_half = read("same_half"), s.distance = read("distance");
    return s;
}

FieldRegion read_region(const h5::Node& group) {
    FieldRegion r{group.attr_string("hemisphere"), group.attr_string("roi_class"), group.attr_string("roi"), group.attr_string("layer"), group.dataset("voxel").read<std::int32_t>(), group.dataset("cv_r").read<float>(), {}, {}, {}, {}};
    const auto x = group.dataset("x").read<double>(), y = group.dataset("y").read<double>(), spread = group.dataset("spread").read<double>();
    for (std::size_t v = 0; v < std::min({r.column.size(), x.size(), y.size(), spread.size()}); ++v) r.centre.push_back({x[v], y[v], spread[v]});
    if (group.has("true_x")) r.true_x = group.dataset("true_x").read<double>(), r.true_y = group.dataset("true_y").read<double>();
    return r;
}

}  // namespace

FieldsFile::FieldsFile(const std::filesystem::path& path) : input(path, {"fields"}) {
    const auto& root = input.root();
    static_cast<weights::NetworkNote&>(header) = weights::read_network_note(root);
    header.map_size = root.attr_int("map_size"), header.least_r = root.attr_double("least_r");
    header.encoded_subject = root.attr_string("encoded_subject");
    header.image = root.dataset("image").read_strings();
    const auto results = root.group("results");
    for (const auto& hemisphere : results.children())
        for (const auto& roi_class : results.group(hemisphere).children())
            for (const auto& roi : results.group(hemisphere + '/' + roi_class).children()) {
                const auto group = results.group(hemisphere + '/' + roi_class + '/' + roi);
                regions.push_back(read_region(group));
                scores.push_back(read_scores(group));
                scores.back().hemisphere = regions.back().hemisphere, scores.back().roi_class = regions.back().roi_class, scores.back().roi = regions.back().roi;
                scores.back().voxels = static_cast<std::int64_t>(regions.back().column.size());
            }
    std::int64_t voxels = 0;
    for (const auto& s : scores) voxels += s.voxels;
    scores.push_back(read_scores(results));
    scores.back().voxels = voxels;
    scores.back().hemisphere = scores.back().roi_class = scores.back().roi = "all";
}

void write_fields(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const FieldsHeader& h,
                  const std::vector<FieldRegion>& regions, const std::vector<FieldScores>& scores) {
    h5::Output file(path, "fields", record, overwrite);
    h5::Node& root = file.root();
    weights::write_network_note(root, h);
    root.attr("map_size", h.map_size), root.attr("least_r", h.least_r), root.attr("encoded_subject", h.encoded_subject);
    root.scale("image", std::span<const std::string>(h.image), {"id of the picture"});
    root.put_strings("image_sha256", {"image"}, h.image_sha256, {"SHA-256 of the decoded source pixels"});
    root.put("tuned", {"image"}, h.tuned, {"1: the picture tuned the network"});
    root.index_scale("map_row", static_cast<std::uint64_t>(h.map_size), {"row of a map, from the top"});
    root.index_scale("map_column", static_cast<std::uint64_t>(h.map_size), {"column of a map, from the left"});
    h5::Node group = root.create_group("results");
    write_scores(group, scores.back());
    for (std::size_t i = 0; i < regions.size(); ++i) write_region(group, regions[i], scores[i]);
    file.commit();
}

}  // namespace cortune::salience
