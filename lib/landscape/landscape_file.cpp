// SPDX-License-Identifier: BSD-3-Clause
#include "landscape/landscape_file.hpp"

#include <algorithm>

namespace cortune::landscape {
namespace {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

void put(h5::Node& node, const char* name, const std::vector<std::string>& dims, const Eigen::MatrixXd& values, const h5::Describe& about) {
    const RowMatrix rows = values;
    node.put(name, dims, std::span<const double>(rows.data(), static_cast<std::size_t>(rows.size())), about);
}

void put(h5::Node& node, const char* name, const std::string& dim, const Eigen::VectorXd& values, const h5::Describe& about) {
    node.put(name, {dim}, std::span<const double>(values.data(), static_cast<std::size_t>(values.size())), about);
}

void write_points(h5::Node& root, const std::vector<Point>& points) {
    std::vector<std::string> label;
    for (const auto& p : points) label.push_back(p.label);
    root.scale("model", std::span<const std::string>(label), {"model or point"});
    root.scale("other", std::span<const std::string>(label), {"model or point"});
    const auto text = [&](const char* name, std::string Point::* at, const char* about) {
        std::vector<std::string> all;
        for (const auto& p : points) all.push_back(p.*at);
        root.put_strings(name, {"model"}, all, {about});
    };
    text("backbone", &Point::backbone, "architecture; empty for a point that is no model");
    text("method", &Point::method, "how it was tuned");
    text("subject", &Point::subject, "subjects that tuned it, joined by +");
    text("hemisphere", &Point::hemisphere, "of the responses that tuned it");
    text("roi_class", &Point::roi_class, "of these responses");
    text("roi", &Point::roi, "label, or A+B");
    text("model_uuid", &Point::model_uuid, "the model file; empty for foreign weights");
    std::vector<std::int16_t> placed;
    std::vector<double> top1;
    for (const auto& p : points) placed.push_back(p.placed ? 1 : 0), top1.push_back(p.top1);
    root.put("placed", {"model"}, placed, {"1: it had no part in the maps"});
    root.put("top1", {"model"}, top1, {"share of the pictures that it has right"});
}

void write_map(h5::Node& root, const char* name, const Embedding& map, const std::vector<std::string>& labels) {
    h5::Node group = root.create_group(name);
    group.index_scale("axis", static_cast<std::uint64_t>(map.eigenvalue.size()), {"axis, by the size of its eigenvalue"});
    group.scale("mapped", std::span<const std::string>(labels), {"model or point of the map"});
    put(group, "eigenvalue", "axis", map.eigenvalue, {"negative: an imaginary axis"});
    put(group, "explained", "axis", map.explained, {"share explained by this axis and those before it"});
    put(group, "coordinate", {"mapped", "axis"}, map.coordinate, {"coordinates"});
}

void write_groups(h5::Node& root, const std::vector<GroupDistance>& groups) {
    h5::Node node = root.create_group("groups");
    std::vector<std::string> factor, exchange;
    std::vector<double> within, between, effect, p;
    for (const auto& g : groups)
        factor.push_back(g.factor), exchange.push_back(g.exchange), within.push_back(g.within), between.push_back(g.between), effect.push_back(g.effect), p.push_back(g.p);
    node.scale("factor", std::span<const std::string>(factor), {"what models may share"});
    node.put_strings("exchange", {"factor"}, exchange, {"among which models labels changed places"});
    node.put("within", {"factor"}, within, {"mean divergence of pairs that share it", "nat"});
    node.put("between", {"factor"}, between, {"mean divergence of pairs that do not", "nat"});
    node.put("effect", {"factor"}, effect, {"their difference / pooled standard deviation"});
    node.put("p_value", {"factor"}, p, {"one-sided, of that difference under permuted labels"});
}

}  // namespace

std::size_t Landscape::mapped() const {
    return static_cast<std::size_t>(std::count_if(points.begin(), points.end(), [](const Point& p) { return !p.placed; }));
}

void finish(Landscape& l, std::int64_t permutations, std::uint64_t seed) {
    const auto m = static_cast<Eigen::Index>(l.mapped()), all = static_cast<Eigen::Index>(l.points.size());
    const Eigen::MatrixXd own = l.distance.bhattacharyya.topLeftCorner(m, m);
    l.inpca = inpca(own);
    l.scaling = classical_scaling(l.distance.angle.topLeftCorner(m, m));
    l.placed.resize(all - m, m);
    for (Eigen::Index i = m; i < all; ++i) l.placed.row(i - m) = place(l.inpca, own, l.distance.bhattacharyya.col(i).head(m));

    std::vector<Eigen::Index> tuned;
    for (std::size_t i = 0; i < l.points.size(); ++i)
        if (!l.points[i].roi.empty() && !l.points[i].placed) tuned.push_back(static_cast<Eigen::Index>(i));
    std::vector<Factor> factors = {{"subject", {}}, {"hemisphere", {}}, {"roi", {}}, {"method", {}}, {"backbone", {}}};
    for (auto i : tuned) {
        const Point& p = l.points[static_cast<std::size_t>(i)];
        const std::string* value[] = {&p.subject, &p.hemisphere, &p.roi, &p.method, &p.backbone};
        for (std::size_t f = 0; f < factors.size(); ++f) factors[f].label.push_back(*value[f]);
    }
    const Eigen::MatrixXd among = l.distance.bhattacharyya(tuned, tuned);
    l.groups = compare_groups(among, factors, permutations, seed);
}

void write_landscape(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const Landscape& l) {
    h5::Output file(path, "landscape", record, overwrite);
    h5::Node& root = file.root();
    root.attr("images", l.images), root.attr("classes", l.classes);
    root.attr("optimistic", l.optimistic_reason.empty() ? 0 : 1), root.attr("optimistic_reason", l.optimistic_reason);
    write_points(root, l.points);
    put(root, "bhattacharyya", {"model", "other"}, l.distance.bhattacharyya, {"mean over pictures of −log of the overlap of class probabilities", "nat"});
    put(root, "angle", {"model", "other"}, l.distance.angle, {"arccos of the mean overlap", "rad"});
    std::vector<std::string> mapped, placed;
    for (const auto& p : l.points) (p.placed ? placed : mapped).push_back(p.label);
    write_map(root, "inpca", l.inpca, mapped);
    write_map(root, "scaling", l.scaling, mapped);
    if (!placed.empty()) {
        h5::Node group = root.group("inpca");
        group.scale("placed_model", std::span<const std::string>(placed), {"model that had no part in the map"});
        put(group, "placed", {"placed_model", "axis"}, l.placed, {"where it lies"});
    }
    if (!l.groups.empty()) write_groups(root, l.groups);
    file.commit();
}

}  // namespace cortune::landscape
