// SPDX-License-Identifier: BSD-3-Clause
#include "encode/protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "core/text.hpp"
#include "encode/ridge_path.hpp"
#include "linalg/threads.hpp"
#include "stats/correlation.hpp"

namespace cortune::encode {
namespace {

using Eigen::Index;
using Clock = std::chrono::steady_clock;

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
// Up to this many images, decompositions run side by side on one thread each: LAPACK's
// own threads gain little there. Larger ones come one after the other, for memory's sake.
constexpr std::size_t side_by_side = 3000;
// Two penalties whose mean r differ by less than this are told apart in double: where
// all eigenvalues are far above the small penalties, these differ by less than float32
// products can show.
constexpr double near_tie = 1e-5;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<double> penalties(const RidgeOptions& options) {
    std::vector<double> out = options.alphas;
    if (out.empty())
        for (int e = -1; e <= 7; ++e) out.push_back(std::pow(10.0, e));
    std::sort(out.begin(), out.end());
    if (!(out.front() > 0) || !std::isfinite(out.back()))
        throw UsageError("penalties must be positive numbers");
    return out;
}

// Everything about one layer that does not depend on voxels.
struct LayerModels {
    std::vector<std::unique_ptr<RidgePath>> folds;  // null where a fold has too few images
    std::vector<std::vector<Index>> place;          // per fold: its targets' places in sets.cv
    std::unique_ptr<RidgePath> refit;               // null where nothing is held out
};

LayerModels decompose(const Eigen::MatrixXd& gram, std::int64_t features, const ImageSets& sets,
                      const RidgeOptions& options, const std::vector<double>& alphas) {
    const auto folds = static_cast<std::size_t>(sets.folds);
    std::vector<std::vector<std::int64_t>> fit(folds), target(folds);
    LayerModels out;
    out.folds.resize(folds);
    out.place.resize(folds);
    for (std::size_t i = 0; i < sets.cv.size(); ++i)
        for (std::size_t f = 0; f < folds; ++f) {
            const bool inside = static_cast<std::size_t>(sets.fold.at(i)) == f;
            (inside ? target : fit)[f].push_back(sets.cv[i]);
            if (inside) out.place[f].push_back(static_cast<Index>(i));
        }
    const bool small = sets.cv.size() <= side_by_side;
    // One thread each also where memory lets only one run at a time: rounding must not
    // depend on how much memory happens to be free.
    const linalg::BlasThreads blas(small ? 1 : options.threads);
    // Job 0 is the refit, the longest.
    parallel_for(folds + 1, small ? std::min(options.threads, options.decompositions) : 1, [&](std::size_t job) {
        check_interrupt();
        if (job == 0) {
            if (!sets.scored.empty())
                out.refit = std::make_unique<RidgePath>(gram, sets.cv, sets.scored, options.components, features, options.pca);
        } else if (fit[job - 1].size() >= 3 && target[job - 1].size() >= 2) {
            auto& path = out.folds[job - 1];
            path = std::make_unique<RidgePath>(gram, fit[job - 1], target[job - 1], options.components, features, options.pca);
            path->prepare(alphas);
        }
    });
    return out;
}

// Cross-validation of voxels [first, first + count) and their predictions.
class VoxelBlock {
  public:
    VoxelBlock(const LayerModels& models, bool keep_folds, const Eigen::MatrixXf& y, const std::vector<double>& alphas,
               int threads, Index first, Index count)
        : models_(models), keep_folds_(keep_folds), y_(y), alphas_(alphas), threads_(threads), first_(first),
          count_(count), sum_(Eigen::MatrixXd::Zero(static_cast<Index>(alphas.size()), count)),
          used_(Eigen::VectorXi::Zero(count)), kept_(models.folds.size()), mean_(models.folds.size()) {}

    void run(LayerFit& out) {
        for (std::size_t f = 0; f < models_.folds.size(); ++f)
            if (models_.folds[f]) cross_validate(f);
        settle_ties();
        choose(out);
        if (models_.refit) predict_scored(out);
        if (keep_folds_) collect_folds(out);
        for (Index v = first_; v < first_ + count_; ++v) {
            if (!std::isnan(out.cv_r(v))) continue;
            out.scored.col(v).setConstant(std::numeric_limits<float>::quiet_NaN());
            out.folded.col(v).setConstant(std::numeric_limits<float>::quiet_NaN());
        }
    }

  private:
    void cross_validate(std::size_t f) {
        check_interrupt();
        const RidgePath& path = *models_.folds[f];
        const auto fitted = centred_responses(y_, path.fit(), first_, count_);
        const auto truth = centred_responses(y_, path.target(), first_, count_);
        Eigen::MatrixXf predicted = path.predict_all(path.project(fitted.values));
        const auto targets = static_cast<Index>(path.target().size());
        parallel_for(static_cast<std::size_t>(count_), threads_, [&](std::size_t i) {
            if (!fitted.usable[i] || !truth.usable[i]) return;
            const auto v = static_cast<Index>(i);
            for (Index a = 0; a < sum_.rows(); ++a)
                sum_(a, v) += earned(predicted.col(v).segment(a * targets, targets), truth.values.col(v));
            ++used_(v);
        });
        if (!keep_folds_) return;
        kept_[f] = std::move(predicted);
        mean_[f] = fitted.mean;
    }

    // A prediction that says nothing (no component left) earns r = 0.
    template <class A, class B>
    static double earned(const A& predicted, const B& truth) {
        const double r = stats::pearson(predicted, truth);
        return std::isfinite(r) ? r : 0.0;
    }

    std::vector<Index> close_calls() const {
        std::vector<Index> out;
        for (Index v = 0; v < count_; ++v) {
            const double least = sum_.col(v).maxCoeff() - near_tie * used_(v);
            if (used_(v) > 0 && (sum_.col(v).array() > least).count() > 1) out.push_back(v);
        }
        return out;
    }

    void settle_ties() {
        const auto close = close_calls();
        if (close.empty()) return;
        for (const Index v : close) sum_.col(v).setZero();
        for (const auto& path : models_.folds) {
            if (!path) continue;
            check_interrupt();
            const auto fitted = centred_responses(y_, path->fit(), first_, count_);
            const auto truth = centred_responses(y_, path->target(), first_, count_);
            const Eigen::MatrixXf projected = path->project(fitted.values(Eigen::all, close));
            for (Index a = 0; a < sum_.rows(); ++a) {
                const auto predicted = path->predict_precisely(projected, alphas_[static_cast<std::size_t>(a)]);
                parallel_for(close.size(), threads_, [&](std::size_t i) {
                    const auto v = static_cast<std::size_t>(close[i]);
                    if (fitted.usable[v] && truth.usable[v])
                        sum_(a, close[i]) +=
                            earned(predicted.col(static_cast<Index>(i)), truth.values.col(close[i]));
                });
            }
        }
    }

    void choose(LayerFit& out) {
        best_.assign(static_cast<std::size_t>(count_), 0);
        for (Index v = 0; v < count_; ++v) {
            Index best = 0;  // the smallest alpha wins ties
            for (Index a = 1; a < sum_.rows(); ++a)
                if (sum_(a, v) > sum_(best, v)) best = a;
            best_[static_cast<std::size_t>(v)] = best;
            const bool known = used_(v) > 0;
            out.cv_r(first_ + v) = static_cast<float>(known ? sum_(best, v) / used_(v) : nan_value);
            out.alpha(first_ + v) = known ? alphas_[static_cast<std::size_t>(best)] : nan_value;
        }
    }

    void predict_scored(LayerFit& out) const {
        const RidgePath& path = *models_.refit;
        const auto fitted = centred_responses(y_, path.fit(), first_, count_);
        Eigen::MatrixXf predicted =
            path.predict(path.project(fitted.values), out.alpha.segment(first_, count_));
        predicted.rowwise() += fitted.mean.cast<float>().transpose();
        out.scored.middleCols(first_, count_) = predicted;
    }

    void collect_folds(LayerFit& out) const {
        out.folded.middleCols(first_, count_).setConstant(std::numeric_limits<float>::quiet_NaN());
        for (std::size_t f = 0; f < kept_.size(); ++f) {
            const auto targets = static_cast<Index>(models_.place[f].size());
            if (kept_[f].size() == 0) continue;
            for (Index v = 0; v < count_; ++v)
                for (Index i = 0; i < targets; ++i)
                    out.folded(models_.place[f][static_cast<std::size_t>(i)], first_ + v) =
                        kept_[f](best_[static_cast<std::size_t>(v)] * targets + i, v) +
                        static_cast<float>(mean_[f](v));
        }
    }

    const LayerModels& models_;
    const bool keep_folds_;
    const Eigen::MatrixXf& y_;
    const std::vector<double>& alphas_;
    int threads_;
    Index first_, count_;
    Eigen::MatrixXd sum_;        // alphas × voxels: sum of r over folds
    Eigen::VectorXi used_;       // folds that gave an r
    std::vector<Index> best_;
    std::vector<Eigen::MatrixXf> kept_;  // per fold, where the folds' predictions are reported
    std::vector<Eigen::VectorXd> mean_;
};

}  // namespace

Protocol parse_protocol(const std::string& name) {
    if (name == "held-out") return Protocol::held_out;
    if (name == "paper") return Protocol::paper;
    if (name == "train-cv") return Protocol::train_cv;
    throw UsageError(fmt::format("unknown protocol '{}'", name),
                     "known: " + join(nearest_first(name, {"held-out", "paper", "train-cv"})));
}

std::string protocol_name(Protocol protocol) {
    switch (protocol) {
        case Protocol::held_out: return "held-out";
        case Protocol::paper: return "paper";
        case Protocol::train_cv: return "train-cv";
    }
    throw std::logic_error("protocol_name: no such protocol");
}

std::string optimistic_reason(Protocol protocol, bool tuned) {
    switch (protocol) {
        case Protocol::held_out: return "";
        case Protocol::paper: return "alpha and layer were chosen on the folds that are reported";
        case Protocol::train_cv:
            return std::string("alpha and layer were chosen on the folds that are reported") +
                   (tuned ? ", and a tuned model has seen the responses to these images" : "");
    }
    throw std::logic_error("optimistic_reason: no such protocol");
}

LayerFit fit_layer(const Eigen::MatrixXd& gram, std::int64_t features, const ImageSets& sets,
                   const Eigen::MatrixXf& y, const RidgeOptions& options, Reporter& reporter) {
    const auto alphas = penalties(options);
    auto start = Clock::now();
    const LayerModels models = decompose(gram, features, sets, options, alphas);
    const double solving = seconds_since(start);

    start = Clock::now();
    const linalg::BlasThreads blas(options.threads);
    const bool keep_folds = sets.keep_folds || !models.refit;
    LayerFit out;
    out.cv_r.resize(y.cols());
    out.alpha.resize(y.cols());
    out.scored.resize(static_cast<Index>(sets.scored.size()), y.cols());
    out.folded.resize(keep_folds ? static_cast<Index>(sets.cv.size()) : 0, y.cols());
    for (Index first = 0; first < y.cols(); first += voxel_block)
        VoxelBlock(models, keep_folds, y, alphas, options.threads, first, std::min<Index>(voxel_block, y.cols() - first)).run(out);
    reporter.detail(fmt::format("decompositions {:.2f} s, ridge of {} voxels {:.2f} s", solving, y.cols(),
                                seconds_since(start)));
    return out;
}

LayerWeights refit_weights(const Eigen::MatrixXd& gram, std::int64_t features,
                           const std::vector<std::int64_t>& cv, const Eigen::MatrixXf& y,
                           const Eigen::VectorXd& alpha, const RidgeOptions& options) {
    const linalg::BlasThreads blas(options.threads);
    LayerWeights out;
    out.pca = linalg::kernel_pca(gram, cv, options.components, features, options.pca);
    const auto fitted = centred_responses(y, cv, 0, y.cols());
    const auto& values = out.pca.values.array();
    out.coef = out.pca.vectors.cast<float>().transpose() * fitted.values;
    out.intercept = fitted.mean.cast<float>();
    for (Index v = 0; v < y.cols(); ++v) {
        const bool usable = fitted.usable[static_cast<std::size_t>(v)] && std::isfinite(alpha(v));
        if (usable) {
            out.coef.col(v).array() *= (values.sqrt() / (values + alpha(v))).cast<float>();
        } else {
            out.coef.col(v).setZero();
            out.intercept(v) = std::numeric_limits<float>::quiet_NaN();
        }
    }
    return out;
}

}  // namespace cortune::encode
