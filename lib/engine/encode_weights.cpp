// SPDX-License-Identifier: BSD-3-Clause
// --save-weights: what predicts new images, and what later tools take gradients
// through: per chosen layer the mean and the PCA basis, per ROI the coefficients.
#include <fmt/format.h>

#include <set>

#include "core/text.hpp"
#include "engine/encode_fit.hpp"
#include "engine/encode_job.hpp"
#include "linalg/gram.hpp"

namespace cortune::engine {
namespace {

using linalg::RowMatrixF;

// mean (d) and basis (d × k, orthonormal columns) of a layer from its kernel PCA:
// basis = Xcᵀ U Λ^-½, panel by panel. cv: rows of the store.
void write_basis(h5::Node& group, const nn::FeatureStore& store, std::size_t layer, const std::vector<std::int64_t>& cv,
                 const linalg::KernelPca& pca) {
    const auto n = static_cast<Eigen::Index>(cv.size());
    const Eigen::MatrixXf dual = (pca.vectors * pca.values.cwiseSqrt().cwiseInverse().asDiagonal()).cast<float>();
    group.index_scale("feature", static_cast<std::uint64_t>(store.width(layer)), {"feature, flattened (channel, row, column)"});
    group.index_scale("component", static_cast<std::uint64_t>(dual.cols()), {"principal component"});
    h5::Dataset mean = group.create<float>("mean", {"feature"}, {"mean over the fitting images"});
    h5::Dataset basis = group.create<float>("basis", {"feature", "component"}, {"principal axes"});
    std::vector<float> panel(static_cast<std::size_t>(store.images() * nn::panel_width));
    for (std::int64_t p = 0; p < store.panels(layer); ++p) {
        const Eigen::Index width = store.columns(layer, p);
        store.read_panel(layer, p, panel.data());
        const Eigen::Map<const RowMatrixF> all(panel.data(), store.images(), width);
        RowMatrixF x(n, width);
        for (Eigen::Index i = 0; i < n; ++i) x.row(i) = all.row(cv[static_cast<std::size_t>(i)]);
        const Eigen::RowVectorXf centre = x.cast<double>().colwise().mean().cast<float>();
        x.rowwise() -= centre;
        const RowMatrixF block = x.transpose() * dual;
        const auto first = static_cast<std::uint64_t>(p * nn::panel_width);
        mean.write_rows(first, static_cast<std::uint64_t>(width), centre.data());
        basis.write_rows(first, static_cast<std::uint64_t>(width), block.data());
    }
}

void write_coefficients(h5::Node& root, const RoiWork& work, const std::string& layer, const Eigen::MatrixXf& coef,
                        const Eigen::VectorXf& intercept) {
    h5::Node group = root.create_group(fmt::format("weights/rois/{}/{}/{}", link_name(work.roi.hemisphere), link_name(work.roi.roi_class), link_name(work.roi.name)));
    group.attr("hemisphere", work.roi.hemisphere);
    group.attr("roi_class", work.roi.roi_class);
    group.attr("roi", work.roi.name);
    group.attr("layer", layer);
    const std::vector<std::int32_t> column(work.roi.column.begin(), work.roi.column.end());
    group.scale("voxel", column, {"column of the data set's responses"});
    group.index_scale("component", static_cast<std::uint64_t>(coef.rows()), {"principal component of the layer"});
    const RowMatrixF rows = coef;
    group.put("coef", {"component", "voxel"}, std::span(rows.data(), static_cast<std::size_t>(rows.size())), {"ridge coefficients on the scores"});
    group.put("intercept", {"voxel"}, std::span(intercept.data(), static_cast<std::size_t>(intercept.size())), {"prediction at the mean image"});
}

}  // namespace

void save_weights(h5::Node& root, const encode::RidgeOptions& ridge, const EncodePlan& plan, const nn::FeatureStore& store,
                  const std::vector<std::int64_t>& at, const Eigen::MatrixXf& responses, const std::vector<ChosenRoi>& chosen, Reporter& reporter) {
    std::vector<std::int64_t> cv;
    for (const auto p : plan.sets.cv) cv.push_back(at.empty() ? p : at[static_cast<std::size_t>(p)]);
    std::set<int> layers;
    for (const auto& c : chosen) layers.insert(c.layer);
    for (int layer : layers) {
        const std::string& name = plan.header.layer[static_cast<std::size_t>(layer)];
        reporter.detail("weights of " + name);
        Eigen::Index total = 0;
        for (const auto& c : chosen) total += c.layer == layer ? c.alpha.size() : 0;
        Eigen::MatrixXf y(responses.rows(), total);
        Eigen::VectorXd alpha(total);
        Eigen::Index first = 0;
        for (const auto& c : chosen) {
            if (c.layer != layer) continue;
            y.middleCols(first, c.alpha.size()) = responses(Eigen::all, c.work->at);
            alpha.segment(first, c.alpha.size()) = c.alpha;
            first += c.alpha.size();
        }
        const auto index = static_cast<std::size_t>(layer);
        const auto fitted = encode::refit_weights(layer_gram(store, index, at), store.width(index), plan.sets.cv, y, alpha, ridge);
        h5::Node group = root.create_group("weights/layers/" + name);
        write_basis(group, store, index, cv, fitted.pca);
        first = 0;
        for (const auto& c : chosen) {
            if (c.layer != layer) continue;
            write_coefficients(root, *c.work, name, fitted.coef.middleCols(first, c.alpha.size()), fitted.intercept.segment(first, c.alpha.size()));
            first += c.alpha.size();
        }
    }
}

}  // namespace cortune::engine
