// SPDX-License-Identifier: BSD-3-Clause
#include "probe/logistic.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/parallel.hpp"

namespace cortune::probe {
namespace {

using linalg::RowMatrixF;
using Matrix = Eigen::MatrixXf;  // (features + 1) × classes: the last row is the intercept

constexpr std::size_t history = 8;

// Soft maxima of rows of logits, in place; the sum of −log of the labels' probabilities in `loss`.
void softmax_rows(RowMatrixF& z, const std::vector<std::int32_t>& label, std::int64_t begin, std::int64_t end, double& loss) {
    for (std::int64_t i = begin; i < end; ++i) {
        auto row = z.row(i);
        const float top = row.maxCoeff(), own = row(label[static_cast<std::size_t>(i)]) - top;
        row = (row.array() - top).exp();
        const float sum = row.sum();
        row /= sum;
        loss += std::log(static_cast<double>(sum)) - own;
    }
}

double dot(const Matrix& a, const Matrix& b) {
    double sum = 0;
    for (Eigen::Index j = 0; j < a.cols(); ++j) sum += a.col(j).dot(b.col(j));
    return sum;
}

class Problem {
  public:
    Problem(const RowMatrixF& x, const std::vector<std::int32_t>& label, std::int64_t classes, const LogisticOptions& options)
        : x_(x), label_(label), classes_(classes), n_(x.rows()), threads_(options.threads), lambda_(1 / (options.c * static_cast<double>(x.rows()))) {}

    std::int64_t features() const { return x_.cols(); }
    double lambda() const { return lambda_; }

    // XW + 1bᵀ.
    void logits(const Matrix& w, RowMatrixF& out) const {
        const RowMatrixF by_row = w.topRows(features());  // the order that sgemm is quickest with
        out.noalias() = x_ * by_row;
        out.rowwise() += w.row(features());
    }
    // Mean loss and its derivative along `along` at z + t · along, whose probabilities go to `p`.
    std::pair<double, double> loss(const RowMatrixF& z, const RowMatrixF& along, float t, RowMatrixF& p) const {
        constexpr std::int64_t grain = 256;
        const auto pieces = static_cast<std::size_t>((n_ + grain - 1) / grain);
        std::vector<double> loss(pieces, 0), slope(pieces, 0);
        parallel_for(pieces, threads_, [&](std::size_t piece) {
            const auto begin = static_cast<std::int64_t>(piece) * grain, end = std::min(n_, begin + grain), rows = end - begin;
            p.middleRows(begin, rows) = z.middleRows(begin, rows) + t * along.middleRows(begin, rows);
            softmax_rows(p, label_, begin, end, loss[piece]);
            for (std::int64_t i = begin; i < end; ++i) slope[piece] += p.row(i).dot(along.row(i)) - along(i, label_[static_cast<std::size_t>(i)]);
        });
        double total = 0, derivative = 0;
        for (std::size_t i = 0; i < pieces; ++i) total += loss[i], derivative += slope[i];
        return {total / static_cast<double>(n_), derivative / static_cast<double>(n_)};
    }
    // Of the whole objective, from the probabilities; these are used up.
    Matrix gradient(RowMatrixF& p, const Matrix& w) const {
        for (std::int64_t i = 0; i < n_; ++i) p(i, label_[static_cast<std::size_t>(i)]) -= 1;
        Matrix g(features() + 1, classes_);
        g.topRows(features()).noalias() = x_.transpose() * p;
        g.row(features()) = p.colwise().sum();
        g /= static_cast<float>(n_);
        g.topRows(features()) += static_cast<float>(lambda_) * w.topRows(features());
        return g;
    }
    Matrix second_moments() const {
        Matrix out = Matrix::Zero(features(), features());
        out.selfadjointView<Eigen::Lower>().rankUpdate(x_.transpose());
        return out / static_cast<float>(n_);
    }

    // The largest eigenvalue of XᵀX/n, nearly: twenty steps of the power method.
    double largest_moment() const {
        Eigen::VectorXf v = Eigen::VectorXf::Ones(features()), u;
        double value = 0;
        for (int i = 0; i < 20; ++i) {
            v.normalize();
            u.noalias() = x_ * v;
            v.noalias() = x_.transpose() * u;
            value = static_cast<double>(v.norm()) / static_cast<double>(n_);
            if (value == 0) return 1;
        }
        return value;
    }

  private:
    const RowMatrixF& x_;
    const std::vector<std::int32_t>& label_;
    std::int64_t classes_, n_;
    int threads_;
    double lambda_;
};

// (s XᵀX/n + λI)⁻¹, made anew where s has moved far from what it was made with.
class Metric {
  public:
    Metric(const Problem& problem, std::int64_t most_features) : problem_(problem) {
        if (problem.features() <= most_features) moments_ = problem.second_moments();
        else top_ = problem.largest_moment();
    }
    // p: probabilities. Whether this is another metric now.
    bool follow(const RowMatrixF& p) {
        double sum = 0;
        for (Eigen::Index i = 0; i < p.rows(); ++i) sum += 1 - static_cast<double>(p.row(i).squaredNorm());
        const double s = std::max(sum / static_cast<double>(p.size()), 1e-6);
        if (s_ > 0 && s < 2 * s_ && s > s_ / 2) return false;
        s_ = s;
        if (moments_.size() == 0) return true;
        Matrix a = static_cast<float>(s_) * moments_;
        // Float32 products leave eigenvalues below 0 where XᵀX has none above: no less than their error is added.
        a.diagonal().array() += static_cast<float>(std::max(problem_.lambda(), 1e-6 * s_ * static_cast<double>(moments_.trace())));
        factor_.compute(a);
        return true;
    }
    void apply(Matrix& g) const {
        const auto d = problem_.features();
        g.row(d) /= static_cast<float>(s_);
        if (moments_.size() == 0) {
            g.topRows(d) /= static_cast<float>(s_ * top_ + problem_.lambda());
            return;
        }
        const Matrix solved = factor_.solve(g.topRows(d));
        g.topRows(d) = solved;
    }

  private:
    const Problem& problem_;
    Matrix moments_;
    Eigen::LLT<Matrix, Eigen::Lower> factor_;
    double s_ = 0, top_ = 0;
};

struct Pair {
    Matrix step, change;
    double curvature;  // step · change
};

// Two-loop recursion.
Matrix direction(const Matrix& gradient, const std::deque<Pair>& pairs, const Metric& metric) {
    Matrix q = -gradient;
    std::vector<double> a(pairs.size());
    for (std::size_t i = pairs.size(); i-- > 0;) {
        a[i] = dot(pairs[i].step, q) / pairs[i].curvature;
        q -= static_cast<float>(a[i]) * pairs[i].change;
    }
    metric.apply(q);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        const double b = dot(pairs[i].change, q) / pairs[i].curvature;
        q += static_cast<float>(a[i] - b) * pairs[i].step;
    }
    return q;
}

// The objective along a direction: convex, so that its slope has one sign change.
class Line {
  public:
    Line(const Problem& problem, const Matrix& w, const Matrix& d, const RowMatrixF& z, const RowMatrixF& zd, RowMatrixF& p) : problem_(problem), z_(z), zd_(zd), p_(p) {
        const auto rows = problem.features();
        for (Eigen::Index j = 0; j < w.cols(); ++j) {
            ww_ += w.col(j).head(rows).squaredNorm();
            wd_ += w.col(j).head(rows).dot(d.col(j).head(rows));
            dd_ += d.col(j).head(rows).squaredNorm();
        }
    }
    std::pair<double, double> at(double t) const {
        const auto [loss, slope] = problem_.loss(z_, zd_, static_cast<float>(t), p_);
        return {loss + .5 * problem_.lambda() * (ww_ + 2 * t * wd_ + t * t * dd_), slope + problem_.lambda() * (wd_ + t * dd_)};
    }

  private:
    const Problem& problem_;
    const RowMatrixF &z_, &zd_;
    RowMatrixF& p_;
    double ww_ = 0, wd_ = 0, dd_ = 0;
};

// A step whose slope is small against the first one (strong Wolfe conditions, .9 and 1e-4 being loose enough for
// quasi-Newton; a tenth costs little here). 0 where none lowers the objective: the precision of float32 is reached.
double line_search(const Line& line, double value, double slope) {
    double low = 0, high = 0, low_slope = slope, t = 1, before = std::numeric_limits<double>::infinity();
    for (int trial = 0; trial < 60; ++trial) {
        const auto [v, s] = line.at(t);
        if (!std::isfinite(v)) {
            high = t, t = .5 * (low + high);
            continue;
        }
        if (std::abs(s) <= .1 * -slope && v <= value + 1e-4 * t * slope) return t;
        if (s > 0 || v > value + 1e-4 * t * slope) high = t;
        else low = t, low_slope = s;
        if (high == 0) t *= 2.5;
        else {  // the secant's zero, kept away from the ends; the middle where it does not halve what is left
            const double left = high - low;
            const double secant = s > low_slope && t > low && left < .6 * before ? low + (t - low) * -low_slope / (s - low_slope) : .5 * (low + high);
            before = left;
            t = std::clamp(secant, low + .1 * left, high - .1 * left);
        }
    }
    return low;
}

LogisticFit fit_features(const RowMatrixF& x, const std::vector<std::int32_t>& label, std::int64_t classes, const LogisticOptions& options,
                         const LogisticFit* start) {
    const Problem problem(x, label, classes, options);
    Metric metric(problem, options.most_features);
    const auto d = x.cols();
    Matrix w = Matrix::Zero(d + 1, classes);
    if (start) w.topRows(d) = start->coef, w.row(d) = start->intercept.transpose();
    RowMatrixF z(x.rows(), classes), p(x.rows(), classes), zd = RowMatrixF::Zero(x.rows(), classes);
    problem.logits(w, z);
    Matrix none = Matrix::Zero(d + 1, classes);
    double value = Line(problem, w, none, z, zd, p).at(0).first;
    if (!std::isfinite(value)) throw RunFailed("the classifier's loss is not finite");
    metric.follow(p);
    Matrix gradient = problem.gradient(p, w);
    std::deque<Pair> pairs;
    LogisticFit out;
    while (out.iterations < options.max_iterations) {
        check_interrupt();
        Matrix step = direction(gradient, pairs, metric);
        const double slope = dot(step, gradient);
        if (slope >= 0) {  // rounding has spoilt the history
            if (pairs.empty()) break;
            pairs.clear();
            continue;
        }
        out.converged = -.5 * slope <= options.tolerance;
        if (out.converged) break;
        problem.logits(step, zd);
        const Line line(problem, w, step, z, zd, p);
        const double t = line_search(line, value, slope);
        if (t == 0) {
            if (pairs.empty()) break;
            pairs.clear();
            continue;
        }
        ++out.iterations;
        step *= static_cast<float>(t);
        w += step;
        z += static_cast<float>(t) * zd;
        if (out.iterations % 50 == 0) problem.logits(w, z);  // sums of steps drift
        zd.setZero();
        value = Line(problem, w, none, z, zd, p).at(0).first;
        const bool changed = metric.follow(p);
        Matrix next = problem.gradient(p, w);
        Pair pair{step, next - gradient, 0};
        pair.curvature = dot(pair.step, pair.change);
        if (changed) pairs.clear();  // what they say of curvature is of steps under the other one
        if (pair.curvature > 0) pairs.push_back(std::move(pair));
        if (pairs.size() > history) pairs.pop_front();
        gradient = std::move(next);
    }
    out.coef = w.topRows(d);
    out.intercept = w.row(d).transpose();
    return out;
}

// Fewer images than features: the weights are combinations of images, W = Xᵀ A, and with XXᵀ = L Lᵀ the problem in L (images ×
// images) and V = L⁻¹ X W is the same one: LV = XW and ‖V‖ = ‖W‖. W = Xᵀ L⁻ᵀ V.
LogisticFit fit_images(const RowMatrixF& x, const std::vector<std::int32_t>& label, std::int64_t classes, const LogisticOptions& options,
                       const LogisticFit* start) {
    Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(x.rows(), x.rows());
    for (Eigen::Index first = 0; first < x.cols(); first += 2048) {
        const Eigen::MatrixXd block = x.middleCols(first, std::min<Eigen::Index>(2048, x.cols() - first)).cast<double>();
        gram.selfadjointView<Eigen::Lower>().rankUpdate(block);
    }
    // Centred features leave one direction empty, and equal images more.
    gram.diagonal().array() += 1e-9 * gram.trace() / static_cast<double>(x.rows());
    const Eigen::LLT<Eigen::MatrixXd> factor(gram.selfadjointView<Eigen::Lower>());
    if (factor.info() != Eigen::Success) throw RunFailed("the features' products with each other have no root");
    const RowMatrixF reduced = Eigen::MatrixXd(factor.matrixL()).cast<float>();
    LogisticFit own;
    if (start) {
        own.coef = factor.matrixL().solve(Eigen::MatrixXd((x * start->coef).cast<double>())).cast<float>();
        own.intercept = start->intercept;
    }
    LogisticFit out = fit_features(reduced, label, classes, options, start ? &own : nullptr);
    const Eigen::MatrixXf of_images = factor.matrixU().solve(out.coef.cast<double>()).cast<float>();
    out.coef = x.transpose() * of_images;
    return out;
}

}  // namespace

LogisticFit fit_logistic(const RowMatrixF& x, const std::vector<std::int32_t>& label, std::int64_t classes, const LogisticOptions& options,
                         const LogisticFit* start) {
    const bool few = x.rows() < x.cols() && x.rows() <= options.most_features;
    LogisticFit out = few ? fit_images(x, label, classes, options, start) : fit_features(x, label, classes, options, start);
    if (out.iterations == 0 && !out.converged && !start) throw RunFailed("the classifier's solver makes no step", "features of a common size (no unit a million times another) and another --C");
    return out;
}

RowMatrixF probabilities(const LogisticFit& fit, const RowMatrixF& x) {
    RowMatrixF out = x * fit.coef;
    out.rowwise() += fit.intercept.transpose();
    double ignored = 0;
    softmax_rows(out, std::vector<std::int32_t>(static_cast<std::size_t>(x.rows()), 0), 0, x.rows(), ignored);
    return out;
}

}  // namespace cortune::probe
