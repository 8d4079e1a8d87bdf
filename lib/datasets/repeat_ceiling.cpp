// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/repeat_ceiling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"

namespace cortune::datasets {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

}  // namespace

RepeatCeiling parse_repeat_ceiling(const std::string& name) {
    if (name == "ncsnr") return RepeatCeiling::ncsnr;
    if (name == "split-half") return RepeatCeiling::split_half;
    if (name == "leave-one-out") return RepeatCeiling::leave_one_out;
    throw UsageError("unknown ceiling '" + name + "'", "known: ncsnr, split-half, leave-one-out");
}

double RepeatStatistics::Pair::r() const {
    const double x = aa - a * a / n, y = bb - b * b / n;
    return n > 2 && x > 0 && y > 0 ? (ab - a * b / n) / std::sqrt(x * y) : unknown;
}

double RepeatStatistics::Pair::noise_ratio() const {
    const double correlation = r();
    if (!(correlation > 0)) return correlation <= 0 ? std::numeric_limits<double>::infinity() : unknown;
    const double h = inverse_a / n, k = inverse_b / n, excess = 1 / (correlation * correlation) - 1;
    // The positive root of h k q² + (h + k) q − excess, in the form that loses no digits.
    return 2 * excess / (h + k + std::sqrt((h + k) * (h + k) + 4 * h * k * excess));
}

float ceiling_at(float ceiling, double from, double to) {
    if (!(ceiling > 0) || ceiling >= 1) return ceiling;  // NaN stays unknown
    const double share = static_cast<double>(ceiling);
    return static_cast<float>(1 / (1 + (1 - share) / share / from * to));
}

RepeatStatistics::RepeatStatistics(std::size_t columns) : columns_(columns) {}

void RepeatStatistics::add(const float* rows, std::size_t count) {
    if (count == 0) return;
    ++shown_;
    inverse_ += 1 / static_cast<double>(count);
    repeated_ += count > 1;
    const std::size_t width = columns_.size();
    for (std::size_t v = 0; v < width; ++v) {
        Column& c = columns_[v];
        const auto at = [&](std::size_t i) { return static_cast<double>(rows[i * width + v]); };
        double sum = 0, half[2] = {0, 0};
        for (std::size_t i = 0; i < count; ++i) {
            const double x = at(i), delta = x - c.mean;
            c.mean += delta / ++c.trials;
            c.square += delta * (x - c.mean);
            sum += x;
            half[i % 2] += x;
        }
        if (count < 2) continue;
        const auto n = static_cast<double>(count);
        double within = 0;
        for (std::size_t i = 0; i < count; ++i) {
            within += (at(i) - sum / n) * (at(i) - sum / n);
            c.others.add(at(i), 1, (sum - at(i)) / (n - 1), n - 1);
        }
        c.noise += within / (n - 1);
        ++c.pictures;
        const auto larger = static_cast<double>((count + 1) / 2), smaller = static_cast<double>(count / 2);
        c.halves.add(half[0] / larger, larger, half[1] / smaller, smaller);
    }
}

std::vector<float> RepeatStatistics::ceiling(RepeatCeiling mode) const {
    std::vector<float> out;
    for (const Column& c : columns_) {
        double ratio = mode == RepeatCeiling::split_half ? c.halves.noise_ratio() : c.others.noise_ratio();
        if (mode == RepeatCeiling::ncsnr) {
            const double noise = c.noise / c.pictures, signal = std::max(0.0, c.square / c.trials - noise);
            ratio = noise / signal;  // without either, NaN
        }
        const double share = 1 / (1 + ratio * inverse_ / shown_);
        out.push_back(static_cast<float>(share));
    }
    return out;
}

double RepeatStatistics::mean_split_half() const {
    double sum = 0;
    std::int64_t known = 0;
    for (const Column& c : columns_)
        if (const double r = c.halves.r(); std::isfinite(r)) sum += r, ++known;
    return known > 0 ? sum / static_cast<double>(known) : unknown;
}

}  // namespace cortune::datasets
