// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "landscape/landscape_file.hpp"

namespace cortune::landscape {
namespace {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Eigen::MatrixXd read_matrix(const h5::Dataset& data, std::size_t rows, std::size_t columns) {
    const auto values = data.read<double>();
    if (data.shape() != h5::Shape{rows, columns}) throw BadInput(fmt::format("{}: expected {} × {}", data.where(), rows, columns), "make the landscape again");
    return Eigen::Map<const RowMatrix>(values.data(), static_cast<Eigen::Index>(rows), static_cast<Eigen::Index>(columns));
}

Eigen::VectorXd read_vector(const h5::Dataset& data) {
    const auto values = data.read<double>();
    return Eigen::Map<const Eigen::VectorXd>(values.data(), static_cast<Eigen::Index>(values.size()));
}

std::vector<Point> read_points(const h5::Node& root) {
    std::vector<Point> out;
    for (const auto& label : root.dataset("model").read_strings()) out.push_back({label, true, false, "", "", "", "", "", "", "", 0});
    const auto fill = [&](const char* name, std::string Point::* at) {
        const auto values = root.dataset(name).read_strings();
        if (values.size() != out.size()) throw BadInput(fmt::format("{}/{}: expected a value a model", root.where(), name), "make the landscape again");
        for (std::size_t i = 0; i < out.size(); ++i) out[i].*at = values[i];
    };
    fill("backbone", &Point::backbone), fill("method", &Point::method), fill("subject", &Point::subject), fill("hemisphere", &Point::hemisphere);
    fill("roi_class", &Point::roi_class), fill("roi", &Point::roi), fill("model_uuid", &Point::model_uuid);
    const auto placed = root.dataset("placed").read<std::int16_t>();
    const auto top1 = root.dataset("top1").read<double>();
    for (std::size_t i = 0; i < std::min({out.size(), placed.size(), top1.size()}); ++i) out[i].placed = placed[i] != 0, out[i].top1 = top1[i], out[i].model = !out[i].backbone.empty();
    return out;
}

std::vector<GroupDistance> read_groups(const h5::Node& node) {
    const auto factor = node.dataset("factor").read_strings(), exchange = node.dataset("exchange").read_strings();
    const auto within = node.dataset("within").read<double>(), between = node.dataset("between").read<double>(), effect = node.dataset("effect").read<double>(), p = node.dataset("p_value").read<double>();
    std::vector<GroupDistance> out;
    for (std::size_t i = 0; i < std::min({factor.size(), exchange.size(), within.size(), between.size(), effect.size(), p.size()}); ++i)
        out.push_back({factor[i], 0, 0, within[i], between[i], effect[i], p[i], exchange[i]});
    return out;
}

}  // namespace

Landscape read_landscape(const h5::Input& input) {
    const auto& root = input.root();
    Landscape l;
    l.images = root.attr_int("images"), l.classes = root.attr_int("classes"), l.optimistic_reason = root.attr_string("optimistic_reason");
    l.points = read_points(root);
    const auto all = l.points.size(), mapped = l.mapped();
    l.distance.bhattacharyya = read_matrix(root.dataset("bhattacharyya"), all, all);
    l.distance.angle = read_matrix(root.dataset("angle"), all, all);
    const auto map = root.group("inpca");
    l.inpca.eigenvalue = read_vector(map.dataset("eigenvalue")), l.inpca.explained = read_vector(map.dataset("explained"));
    const auto axes = static_cast<std::size_t>(l.inpca.eigenvalue.size());
    l.inpca.coordinate = read_matrix(map.dataset("coordinate"), mapped, axes);
    if (map.has("placed")) l.placed = read_matrix(map.dataset("placed"), all - mapped, axes);
    if (root.has("groups")) l.groups = read_groups(root.group("groups"));
    return l;
}

}  // namespace cortune::landscape
