// SPDX-License-Identifier: BSD-3-Clause
// One layer of the encoding model: PCA and ridge with an intercept, the penalty chosen
// per voxel by cross-validation (facts: scores of the PCA of the fitting images, then
// ridge; in closed form every alpha costs one diagonal scaling).
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <string>
#include <vector>

#include "core/reporter.hpp"
#include "linalg/kernel_pca.hpp"

namespace cortune::encode {

enum class Protocol { held_out, paper, train_cv };
Protocol parse_protocol(const std::string& name);  // UsageError
std::string protocol_name(Protocol protocol);
// Why a protocol's scores are optimistic; empty for held-out.
std::string optimistic_reason(Protocol protocol, bool tuned);

// Voxels whose products are made at once. Fixed: products of another width round differently,
// and results must not depend on how much memory happens to be free.
inline constexpr std::int64_t voxel_block = 512;

struct RidgeOptions {
    std::int64_t components = 1000;  // k = min(components, n_fit − 1, features)
    std::vector<double> alphas = {};  // empty: logspace(−1, 7, 9)
    linalg::PcaMode pca = linalg::PcaMode::automatic;
    int threads = 1;
    int decompositions = 1 << 10;     // eigenvalue problems that may be solved at a time
};

// Rows (of the Gram matrix and of Y) and what each is for. In `held_out`, `scored` are
// the test images; otherwise it is empty and the folds' own predictions are reported.
// Both at once is held-out with train-cv of the same images: they share every decomposition.
struct ImageSets {
    std::vector<std::int64_t> cv;      // images that cross-validation runs over
    std::vector<int> fold;             // parallel to cv: 0 … folds − 1
    std::vector<std::int64_t> scored;  // images predicted by the refit on all of cv
    int folds = 5;
    bool keep_folds = false;           // the folds' predictions also where there are `scored` images
};

// V voxels.
struct LayerFit {
    Eigen::VectorXf cv_r;        // mean over folds of Pearson r at the best alpha; NaN: constant voxel
    Eigen::VectorXd alpha;       // the best alpha: highest mean r, ties take the smaller
    Eigen::MatrixXf scored;      // images × V, predicted by the refit; empty where none are scored
    Eigen::MatrixXf folded;      // the cv images in order × V, predicted by their fold's model; empty where not kept
};

// gram: n × n of the layer (any pilot mean); features: its dimension d; y: n × V
// responses, rows as in gram. Voxels constant in a fold's fitting or validation images
// have NaN r there; the mean is over the folds that are left, NaN if none.
LayerFit fit_layer(const Eigen::MatrixXd& gram, std::int64_t features, const ImageSets& sets,
                   const Eigen::MatrixXf& y, const RidgeOptions& options, Reporter& reporter);

// What predicts new images from a layer's features x (d):
//   ŷ = intercept + coefᵀ · basisᵀ (x − mean)
struct LayerWeights {
    linalg::KernelPca pca;     // fitted on the cv images
    Eigen::MatrixXf coef;      // k × V, on unscaled PCA scores
    Eigen::VectorXf intercept; // V
};
// The refit of `fit_layer`'s held-out prediction, kept. alpha: V.
LayerWeights refit_weights(const Eigen::MatrixXd& gram, std::int64_t features,
                           const std::vector<std::int64_t>& cv, const Eigen::MatrixXf& y,
                           const Eigen::VectorXd& alpha, const RidgeOptions& options);

}  // namespace cortune::encode
