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
            c.others.add(at(i), (sum - at(i)) / (n - 1));
        }
        c.noise += within / (n - 1);
        ++c.pictures;
        c.halves.add(half[0] / static_cast<double>((count + 1) / 2), half[1] / static_cast<double>(count / 2));
    }
}

std::vector<float> RepeatStatistics::ceiling(RepeatCeiling mode) const {
    std::vector<float> out;
    for (const Column& c : columns_) {
        double share = unknown;
        if (mode == RepeatCeiling::ncsnr) {
            const double noise = c.noise / c.pictures, signal = std::max(0.0, c.square / c.trials - noise);
            const double spread = signal + noise * inverse_ / shown_;
            share = spread > 0 ? signal / spread : unknown;
        } else if (mode == RepeatCeiling::split_half) {
            const double r = c.halves.r();
            share = r > 0 ? 2 * r / (1 + r) : r <= 0 ? 0 : unknown;
        } else {
            const double r = c.others.r();
            share = r > 0 ? r * r : r <= 0 ? 0 : unknown;
        }
        out.push_back(static_cast<float>(std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : unknown));
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
