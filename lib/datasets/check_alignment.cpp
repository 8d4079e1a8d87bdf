// SPDX-License-Identifier: BSD-3-Clause
// Do responses belong to their pictures, and hemispheres to their side of the visual field?
#include <fmt/format.h>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/interrupt.hpp"
#include "core/text.hpp"
#include "datasets/checks.hpp"
#include "linalg/threads.hpp"

namespace cortune::datasets {
namespace {

using Eigen::Index;
using Eigen::MatrixXf;
using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr int side = 48;  // pictures are looked at this small: 8 pixels a cell
constexpr int folds = 5, rotations = 20;

// Place of a cell: those of the left half first, so that each half is a block of columns.
std::size_t cell_of(int y, int x) {
    const int per_cell = side / static_cast<int>(grid), half = static_cast<int>(grid) / 2;
    const int row = y / per_cell, column = x / per_cell;
    const int place = column < half ? row * half + column : static_cast<int>(grid) * half + row * half + column - half;
    return static_cast<std::size_t>(place) * cell_features;
}

struct Planes {
    std::vector<float> light, red_green, blue_yellow;
};

Planes planes_of(const images::Image& small) {
    Planes out;
    for (std::size_t i = 0; i < small.rgb.size(); i += 3) {
        const float r = small.rgb[i], g = small.rgb[i + 1], b = small.rgb[i + 2];
        out.light.push_back((r + g + b) / 765);
        out.red_green.push_back((r - g) / 255);
        out.blue_yellow.push_back((b - (r + g) / 2) / 255);
    }
    return out;
}

// Energy of the luminance gradient over `step` pixels, shared among four orientations.
void add_energy(const std::vector<float>& light, int step, std::size_t first, std::vector<float>& out) {
    const auto at = [&](int y, int x) {
        return light[static_cast<std::size_t>(std::clamp(y, 0, side - 1) * side + std::clamp(x, 0, side - 1))];
    };
    for (int y = 0; y < side; ++y)
        for (int x = 0; x < side; ++x) {
            const float dx = at(y, x + step) - at(y, x - step), dy = at(y + step, x) - at(y - step, x);
            const float energy = std::sqrt(dx * dx + dy * dy) + 1e-9F;
            constexpr float d = std::numbers::sqrt2_v<float> / 2;
            const float along[4] = {dx, d * (dx + dy), dy, d * (dy - dx)};
            float* cell = out.data() + cell_of(y, x) + first;
            for (int k = 0; k < 4; ++k) cell[k] += along[k] * along[k] / energy;
        }
}

// Columns to mean 0 and variance 1; constant ones to 0.
void standardise(Eigen::Ref<MatrixXf> x) {
    for (Index j = 0; j < x.cols(); ++j) {
        x.col(j).array() -= x.col(j).mean();
        const float norm = x.col(j).norm();
        if (norm > 0 && std::isfinite(norm)) x.col(j) *= std::sqrt(static_cast<float>(x.rows())) / norm;
        else x.col(j).setZero();
    }
}

// Of standardised columns: their mean r.
double mean_product(const MatrixXf& a, const MatrixXf& b) { return static_cast<double>(a.cwiseProduct(b).colwise().mean().mean()); }

// Ridge over some features; penalty of a tenth of the images on standardised features.
class Regression {
  public:
    explicit Regression(MatrixXf x) : x_(std::move(x)) {
        standardise(x_);
        for (int f = 0; f < folds; ++f) {
            check_interrupt();
            std::vector<Index> fit;
            for (Index i = 0; i < x_.rows(); ++i)
                if (i % folds != f) fit.push_back(i);
            const MatrixXf inside = x_(fit, Eigen::all);
            MatrixXf gram = inside.transpose() * inside;
            gram.diagonal().array() += 0.1F * static_cast<float>(fit.size());
            solvers_[static_cast<std::size_t>(f)].compute(gram);
        }
    }

    // Cross-validated predictions, standardised.
    MatrixXf predict(const MatrixXf& y) const {
        MatrixXf predicted(y.rows(), y.cols());
        for (int f = 0; f < folds; ++f) {
            std::vector<Index> fit, held;
            for (Index i = 0; i < x_.rows(); ++i) (i % folds == f ? held : fit).push_back(i);
            const MatrixXf inside = x_(fit, Eigen::all);
            const MatrixXf weights = solvers_[static_cast<std::size_t>(f)].solve(inside.transpose() * y(fit, Eigen::all));
            const MatrixXf outside = x_(held, Eigen::all) * weights;
            for (std::size_t i = 0; i < held.size(); ++i) predicted.row(held[i]) = outside.row(static_cast<Index>(i));
        }
        standardise(predicted);
        return predicted;
    }
    // Mean over columns of the cross-validated r.
    double mean_r(const MatrixXf& y) const { return mean_product(predict(y), y); }

  private:
    MatrixXf x_;
    std::array<Eigen::LLT<MatrixXf>, folds> solvers_;
};

MatrixXf standardised_responses(const EarlyResponses& r, Index images) {
    MatrixXf y = Eigen::Map<const RowMajor>(r.values.data(), images, static_cast<Index>(r.columns));
    for (Index j = 0; j < y.cols(); ++j)
        if (!y.col(j).allFinite()) y.col(j).setZero();
    standardise(y);
    return y;
}

struct Spread {
    double mean = 0, deviation = 0;
};

Spread spread_of(const std::vector<double>& values) {
    Spread out;
    const auto n = static_cast<double>(values.size());
    for (const double v : values) out.mean += v / n;
    for (const double v : values) out.deviation += (v - out.mean) * (v - out.mean) / (n - 1);
    out.deviation = std::sqrt(out.deviation);
    return out;
}

Finding alignment(const EarlyResponses& r, const Regression& whole, const MatrixXf& y, const MatrixXf& predicted) {
    const double found = mean_product(predicted, y);
    std::vector<double> chance;
    MatrixXf moved(y.rows(), y.cols());
    for (int k = 1; k <= rotations; ++k) {
        check_interrupt();
        const Index shift = y.rows() * k / (rotations + 1);
        moved << y.bottomRows(y.rows() - shift), y.topRows(shift);
        chance.push_back(whole.mean_r(moved));
    }
    const auto [mean, deviation] = spread_of(chance);
    const double best = *std::max_element(chance.begin(), chance.end());
    const bool lost = found <= best || found - mean < 3 * deviation;
    return {"alignment", r.hemisphere, found, lost,
            fmt::format("colour and orientation energy predict {} with r = {:.3f}; with images exchanged {:.3f} ± {:.3f}{}",
                        r.early ? "early visual areas" : "the responses", found, mean, deviation,
                        lost ? (r.early ? ": do rows and images belong together?" : ": no better than chance; do rows and images belong together? (some higher areas are like that)") : "")};
}

struct StretchScore {
    double r = 0, z = 0;  // mean over columns, and against presentations paired with others' images
};

// Of one stretch: predictions and presentations of its trials, in order.
StretchScore score_stretch(MatrixXf predicted, MatrixXf measured) {
    standardise(predicted);
    standardise(measured);
    const Index n = measured.rows();
    const auto r_at = [&](Index shift) {
        double sum = 0;
        for (Index i = 0; i < n; ++i) sum += static_cast<double>(predicted.row(i).dot(measured.row((i + shift) % n)));
        return sum / static_cast<double>(n * measured.cols());
    };
    std::vector<double> chance;
    for (int k = 1; k <= rotations; ++k) chance.push_back(r_at(n * k / (rotations + 1)));
    const Spread s = spread_of(chance);
    const double found = r_at(0);
    return {found, s.deviation > 0 ? (found - s.mean) / s.deviation : 0};
}

// Stretches that look like chance beside others that clearly do not.
Finding stretches(const EarlyResponses& r, const MatrixXf& predicted) {
    constexpr std::size_t least = 2 * rotations;
    std::vector<std::vector<Index>> trials(r.stretch.size());
    for (std::size_t t = 0; t < r.trial_stretch.size(); ++t) trials[r.trial_stretch[t]].push_back(static_cast<Index>(t));
    const Eigen::Map<const RowMajor> values(r.trial_values.data(), static_cast<Index>(r.trial_image.size()), static_cast<Index>(r.columns));
    std::vector<StretchScore> score;
    std::vector<std::string> name;
    for (std::size_t s = 0; s < trials.size(); ++s) {
        check_interrupt();
        if (trials[s].size() < least) continue;
        std::vector<Index> image;
        for (const Index t : trials[s]) image.push_back(static_cast<Index>(r.trial_image[static_cast<std::size_t>(t)]));
        score.push_back(score_stretch(predicted(image, Eigen::all), values(trials[s], Eigen::all)));
        name.push_back(r.stretch[s]);
    }
    Finding out{"alignment_stretches", r.hemisphere, 0, false, fmt::format("not looked at: {} sessions, runs or pieces with enough presentations", score.size())};
    if (score.size() < 2) return out;
    auto sorted = score;
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.r < b.r; });
    // What a good stretch reaches, though half of them be bad.
    const StretchScore good = sorted[(3 * (sorted.size() - 1) + 3) / 4];
    std::vector<std::string> lost;
    for (std::size_t s = 0; s < score.size(); ++s)
        if (score[s].z < 2.5 && score[s].r < good.r / 4) lost.push_back(fmt::format("{} (r = {:.3f})", name[s], score[s].r));
    if (good.z <= 6) {
        out.text = fmt::format("cannot be told: even a good one of {} sessions, runs or pieces is only {:.1f} deviations from chance", score.size(), good.z);
        return out;
    }
    out.value = static_cast<double>(lost.size());
    out.warning = !lost.empty();
    out.text = lost.empty() ? fmt::format("none of {} sessions, runs or pieces stands out; r = {:.3f} to {:.3f}", score.size(), sorted.front().r, sorted.back().r)
                            : fmt::format("like chance, where a good one has r = {:.3f}: {}; were their trials moved or their order lost?", good.r, join(lost));
    return out;
}

}  // namespace

std::vector<float> simple_features(const images::Image& picture) {
    const images::Image small = images::resize_bilinear(picture, side, side);
    const Planes planes = planes_of(small);
    std::vector<float> out(picture_features, 0.0F);
    add_energy(planes.light, 1, 0, out);
    add_energy(planes.light, 3, 4, out);
    for (int y = 0; y < side; ++y)
        for (int x = 0; x < side; ++x) {
            const auto i = static_cast<std::size_t>(y * side + x);
            float* cell = out.data() + cell_of(y, x);
            cell[8] += planes.light[i], cell[9] += planes.red_green[i], cell[10] += planes.blue_yellow[i];
        }
    return out;
}

std::vector<Finding> alignment_findings(const std::vector<float>& features, std::size_t images,
                                        const std::vector<EarlyResponses>& responses) {
    std::vector<Finding> out;
    const linalg::BlasThreads alone(1);  // the figures go into the file: they must not depend on threads
    const auto n = static_cast<Index>(images);
    if (n < 10 * folds) {
        out.push_back({"alignment", "", static_cast<double>(n), false, fmt::format("not looked at: {} images are too few", n)});
        return out;
    }
    const Eigen::Map<const RowMajor> x(features.data(), n, static_cast<Index>(picture_features));
    const Index half = static_cast<Index>(picture_features / 2);
    const Regression whole{MatrixXf(x)}, left{MatrixXf(x.leftCols(half))}, right{MatrixXf(x.rightCols(half))};
    std::vector<double> advantage;  // of the opposite half
    for (const auto& r : responses) {
        if (r.columns == 0) continue;
        const MatrixXf y = standardised_responses(r, n);
        const MatrixXf predicted = whole.predict(y);
        out.push_back(alignment(r, whole, y, predicted));
        out.push_back(stretches(r, predicted));
        if (!r.early || (r.hemisphere != "lh" && r.hemisphere != "rh")) continue;
        const double of_left = left.mean_r(y), of_right = right.mean_r(y);
        advantage.push_back(r.hemisphere == "lh" ? of_right - of_left : of_left - of_right);
        out.push_back({"hemispheres", r.hemisphere, advantage.back(), false,
                       fmt::format("the left half of the pictures predicts early visual areas with r = {:.3f}, the right half with {:.3f}",
                                   of_left, of_right)});
    }
    // Either side alone may be wrong, too: one hemisphere copied over the other.
    const bool both = advantage.size() == 2 && std::max(advantage[0], advantage[1]) < -0.01;
    for (auto& f : out)
        if (f.check == "hemispheres" && (both || f.value < -0.03))
            f.warning = true, f.text += ": are the hemispheres swapped, or the pictures mirrored?";
    return out;
}

}  // namespace cortune::datasets
