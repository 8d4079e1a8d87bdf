// SPDX-License-Identifier: BSD-3-Clause
#include "probe/probe_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace cortune::probe {
namespace {

void write_scores(h5::Node& root, const Scores& s) {
    root.attr("top1", s.top1), root.attr("top5", s.top5);
    root.attr("top1_low", s.top1_interval.low), root.attr("top1_high", s.top1_interval.high);
    root.attr("log_loss", s.log_loss), root.attr("calibration_error", s.calibration_error);
    h5::Node group = root.create_group("calibration");
    group.index_scale("bin", s.bins.size(), {"bin of the likeliest class's probability, of equal widths"});
    std::vector<double> confidence, accuracy;
    std::vector<std::int32_t> images;
    for (const auto& b : s.bins) confidence.push_back(b.confidence), accuracy.push_back(b.accuracy), images.push_back(b.images);
    group.put("images", {"bin"}, images, {"scored images in it"});
    group.put("confidence", {"bin"}, confidence, {"mean probability of the likeliest class"});
    group.put("accuracy", {"bin"}, accuracy, {"share of them that are right"});
    root.put("confusion", {"class", "predicted"}, s.confusion, {"scored images by true and predicted class"});
}

void write_classifier(h5::Node& root, const Standardiser& standard, const LogisticFit& fit) {
    h5::Node group = root.create_group("classifier");
    group.attr("iterations", fit.iterations);
    group.attr("converged", fit.converged ? 1 : 0);
    group.index_scale("unit", static_cast<std::uint64_t>(fit.coef.rows()), {"unit of the layer, flattened"});
    const linalg::RowMatrixF by_class = fit.coef.transpose();
    const auto units = [](const Eigen::RowVectorXf& v) { return std::span<const float>(v.data(), static_cast<std::size_t>(v.size())); };
    group.put("mean", {"unit"}, units(standard.mean), {"subtracted from a unit: its mean over the training images"});
    group.put("scale", {"unit"}, units(standard.scale), {"then divided by: its standard deviation over them; 1 where that is 0"});
    group.put("coef", {"class", "unit"}, std::span<const float>(by_class.data(), static_cast<std::size_t>(by_class.size())), {"weights of the standardised units"});
    group.put("intercept", {"class"}, std::span<const float>(fit.intercept.data(), static_cast<std::size_t>(fit.intercept.size())), {"intercepts"});
}

}  // namespace

void write_probe(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const ProbeHeader& header, const Standardiser& standard,
                 const LogisticFit& fit, const linalg::RowMatrixF& probability, const Scores& scores, const Comparison* comparison) {
    h5::Output file(path, "probe", record, overwrite);
    h5::Node& root = file.root();
    weights::write_network_note(root, header);
    root.attr("fit", header.fit), root.attr("layer", header.layer), root.attr("labels", header.labels);
    root.attr("pool", header.pool);
    if (!header.pca_split.empty()) root.attr("pca_split", header.pca_split);
    root.attr("optimistic", header.optimistic ? 1 : 0), root.attr("optimistic_reason", header.optimistic_reason);
    root.attr("c", header.c), root.attr("test_share", header.test_share);
    root.attr("split_seed", header.split_seed), root.attr("train_images", header.train_images);
    root.scale("class", std::span<const std::string>(header.classes), {"class"});
    root.scale("predicted", std::span<const std::string>(header.classes), {"class"});
    root.scale("image", std::span<const std::string>(header.image), {"id of a scored picture"});
    if (!header.c_grid.empty()) {
        root.scale("c_grid", std::span<const double>(header.c_grid), {"C tried"});
        root.put("cv_log_loss", {"c_grid"}, header.cv_log_loss, {"mean log-loss of held-out folds inside the training images", "nat"});
    }
    root.put_strings("image_sha256", {"image"}, header.image_sha256, {"SHA-256 of the decoded source pixels"});
    root.put("label", {"image"}, header.label, {"true class, as a place in /class"});
    auto data = root.create_rows("probability", {"image", "class"}, std::nullopt, {"of the classes, by the classifier"});
    data.write_rows(0, static_cast<std::uint64_t>(probability.rows()), probability.data());
    h5::Node fitted = root.create_group("fitted");
    fitted.scale("image", std::span<const std::string>(header.fitted_image), {"id of a picture that the classifier was fitted on"});
    fitted.put_strings("sha256", {"image"}, header.fitted_sha256, {"SHA-256 of the decoded source pixels"});
    write_scores(root, scores);
    write_classifier(root, standard, fit);
    if (comparison) {
        h5::Node group = root.create_group("comparison");
        group.attr("difference", comparison->difference), group.attr("low", comparison->interval.low), group.attr("high", comparison->interval.high);
        group.attr("reference", comparison->reference);
        group.attr("gained", comparison->gained), group.attr("lost", comparison->lost), group.attr("mcnemar_p", comparison->mcnemar_p);
    }
    file.commit();
}

ProbeFile::ProbeFile(const std::filesystem::path& path) : input_(path, {"probe"}) {
    const auto& root = input_.root();
    static_cast<weights::NetworkNote&>(header_) = weights::read_network_note(root);
    header_.fit = root.attr_string("fit"), header_.layer = root.attr_string("layer"), header_.labels = root.attr_string("labels");
    if (root.has_attr("pool")) header_.pool = root.attr_string("pool");
    if (root.has_attr("pca_split")) header_.pca_split = root.attr_string("pca_split");
    header_.optimistic = root.attr_int("optimistic") != 0, header_.optimistic_reason = root.attr_string("optimistic_reason");
    header_.c = root.attr_double("c"), header_.test_share = root.attr_double("test_share");
    header_.split_seed = root.attr_int("split_seed"), header_.train_images = root.attr_int("train_images");
    header_.classes = root.dataset("class").read_strings();
    header_.image = root.dataset("image").read_strings();
    header_.image_sha256 = root.dataset("image_sha256").read_strings();
    header_.label = root.dataset("label").read<std::int32_t>();
    if (root.has("fitted")) header_.fitted_image = root.dataset("fitted/image").read_strings(), header_.fitted_sha256 = root.dataset("fitted/sha256").read_strings();
    const auto n = header_.image.size(), k = header_.classes.size();
    if (const auto data = root.dataset("probability"); data.shape() != h5::Shape{n, k} || header_.label.size() != n || header_.image_sha256.size() != n)
        throw BadInput(fmt::format("{}: expected {} images × {} classes, as label, image_sha256 and class have", data.where(), n, k));
    if (n == 0) throw BadInput(path.string() + ":/image: no scored images");
    images_ = static_cast<std::int64_t>(n);
    for (auto l : header_.label)
        if (l < 0 || static_cast<std::size_t>(l) >= k) throw BadInput(fmt::format("{}:/label: {} is no place in /class", path.string(), l));
}

linalg::RowMatrixF ProbeFile::probability(std::int64_t first, std::int64_t count) const {
    linalg::RowMatrixF out(count, classes());
    const auto data = input_.root().dataset("probability");
    data.read_rows(static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(count), out.data());
    for (Eigen::Index i = 0; i < count; ++i)
        if (const float sum = out.row(i).sum(); !(out.row(i).minCoeff() >= 0) || !(std::abs(sum - 1) < 1e-3f))
            throw BadInput(fmt::format("{}: row {} is no distribution over classes (sum {})", data.where(), first + i, sum), "make the probe again");
    return out;
}

void ProbeFile::forget_images() {
    header_.image = {}, header_.image_sha256 = {}, header_.label = {}, header_.fitted_image = {}, header_.fitted_sha256 = {};
}

double ProbeFile::top1() const { return input_.root().attr_double("top1"); }
Interval ProbeFile::top1_interval() const { return {input_.root().attr_double("top1_low"), input_.root().attr_double("top1_high")}; }

std::optional<Comparison> ProbeFile::comparison() const {
    if (!input_.root().has("comparison")) return std::nullopt;
    const auto group = input_.root().group("comparison");
    Comparison c;
    if (group.has_attr("reference")) c.reference = group.attr_string("reference");
    c.difference = group.attr_double("difference"), c.interval = {group.attr_double("low"), group.attr_double("high")};
    c.gained = group.attr_int("gained"), c.lost = group.attr_int("lost"), c.mcnemar_p = group.attr_double("mcnemar_p");
    return c;
}

Standardiser ProbeFile::standardiser() const {
    const auto group = input_.root().group("classifier");
    const auto mean = group.dataset("mean").read<float>(), scale = group.dataset("scale").read<float>();
    const auto d = static_cast<Eigen::Index>(mean.size());
    if (scale.size() != mean.size()) throw BadInput(group.where() + ": mean and scale differ in length");
    return {Eigen::Map<const Eigen::RowVectorXf>(mean.data(), d), Eigen::Map<const Eigen::RowVectorXf>(scale.data(), d)};
}

LogisticFit ProbeFile::fit() const {
    const auto group = input_.root().group("classifier");
    const auto coef = group.dataset("coef");
    const auto shape = coef.shape();
    const auto values = coef.read<float>(), intercept = group.dataset("intercept").read<float>();
    if (shape.size() != 2 || shape[0] != header_.classes.size() || intercept.size() != shape[0])
        throw BadInput(coef.where() + ": not classes × units");
    LogisticFit out;
    out.coef = Eigen::Map<const linalg::RowMatrixF>(values.data(), static_cast<Eigen::Index>(shape[0]), static_cast<Eigen::Index>(shape[1])).transpose();
    out.intercept = Eigen::Map<const Eigen::VectorXf>(intercept.data(), static_cast<Eigen::Index>(intercept.size()));
    return out;
}

void check_same_test(const ProbeHeader& a, const std::string& a_name, const ProbeHeader& b, const std::string& b_name) {
    const char* what = a.classes != b.classes ? "classes" : a.image_sha256 != b.image_sha256 ? "scored images" : a.label != b.label ? "labels" : nullptr;
    if (what)
        throw BadInput(fmt::format("{} and {} have other {}", a_name, b_name, what),
                       "probe both networks on the same pictures with the same labels, split seed and test share");
}

}  // namespace cortune::probe
