// SPDX-License-Identifier: BSD-3-Clause
#include "probe/scores.hpp"

#include <algorithm>
#include <cmath>

#include "stats/mean.hpp"
#include "stats/significance.hpp"

namespace cortune::probe {
namespace {

constexpr std::size_t bin_count = 15;

Interval bootstrap(const std::vector<double>& value, std::int64_t draws, std::uint64_t seed) {
    const auto [low, high] = stats::bootstrap_mean(value, draws, seed);
    return {low, high};
}

std::vector<double> as_numbers(const std::vector<char>& right) { return {right.begin(), right.end()}; }

void calibrate(Scores& s, const std::vector<double>& confidence) {
    s.bins.resize(bin_count);
    const auto n = static_cast<double>(confidence.size());
    for (std::size_t i = 0; i < confidence.size(); ++i) {
        // Bins are (k/15, (k+1)/15].
        const auto k = static_cast<std::size_t>(std::clamp(std::ceil(confidence[i] * bin_count) - 1, 0., bin_count - 1.));
        ++s.bins[k].images;
        s.bins[k].confidence += confidence[i];
        s.bins[k].accuracy += s.right[i];
    }
    for (auto& b : s.bins) {
        if (b.images == 0) continue;
        s.calibration_error += std::abs(b.accuracy - b.confidence) / n;
        b.confidence /= b.images, b.accuracy /= b.images;
    }
}

}  // namespace

Scores score(const linalg::RowMatrixF& p, const std::vector<std::int32_t>& label, std::int64_t bootstraps, std::uint64_t seed) {
    Scores s;
    const auto classes = p.cols();
    s.confusion.assign(static_cast<std::size_t>(classes * classes), 0);
    std::vector<double> confidence;
    for (Eigen::Index i = 0; i < p.rows(); ++i) {
        const auto own = static_cast<Eigen::Index>(label[static_cast<std::size_t>(i)]);
        Eigen::Index best = 0;
        confidence.push_back(static_cast<double>(p.row(i).maxCoeff(&best)));
        s.right.push_back(best == own);
        s.confusion[static_cast<std::size_t>(own * classes + best)] += 1;
        s.top1 += best == own;
        s.top5 += (p.row(i).array() > p(i, own)).count() < 5;
        s.log_loss -= std::log(std::max(static_cast<double>(p(i, own)), 1e-45));  // the least float32
    }
    const auto n = static_cast<double>(p.rows());
    s.top1 /= n, s.top5 /= n, s.log_loss /= n;
    s.top1_interval = bootstrap(as_numbers(s.right), bootstraps, seed);
    calibrate(s, confidence);
    return s;
}

Comparison compare(const std::vector<char>& right, const std::vector<char>& reference, std::int64_t bootstraps, std::uint64_t seed) {
    Comparison c;
    std::vector<double> difference;
    for (std::size_t i = 0; i < right.size(); ++i) {
        difference.push_back(right[i] - reference[i]);
        c.gained += right[i] && !reference[i];
        c.lost += reference[i] && !right[i];
    }
    c.difference = static_cast<double>(c.gained - c.lost) / static_cast<double>(right.size());
    c.interval = bootstrap(difference, bootstraps, seed);
    c.mcnemar_p = c.gained + c.lost == 0 ? 1 : stats::binomial_p(c.gained, c.gained + c.lost);
    return c;
}

}  // namespace cortune::probe
