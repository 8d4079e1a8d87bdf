// SPDX-License-Identifier: BSD-3-Clause
#include "salience/fields.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>

#include "core/random.hpp"
#include "stats/correlation.hpp"
#include "stats/paired.hpp"

namespace cortune::salience {
namespace {

constexpr double not_known = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t field_bootstraps = 2000;

// What is compared: of every voxel where its centre is and where it should be.
struct Pairs {
    std::vector<double> x, y, true_x, true_y;
};

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
    return stats::pearson(Eigen::Map<const Eigen::VectorXd>(a.data(), static_cast<Eigen::Index>(a.size())), Eigen::Map<const Eigen::VectorXd>(b.data(), static_cast<Eigen::Index>(b.size())));
}

std::pair<double, double> correlation_interval(const std::vector<double>& a, const std::vector<double>& b, std::uint64_t seed) {
    std::vector<double> drawn, da(a.size()), db(a.size());
    for (std::int64_t k = 0; k < field_bootstraps && !a.empty(); ++k) {
        Rng rng(seed, static_cast<std::uint64_t>(k));
        for (std::size_t i = 0; i < a.size(); ++i) {
            const auto from = static_cast<std::size_t>(rng.below(a.size()));
            da[i] = a[from], db[i] = b[from];
        }
        drawn.push_back(correlation(da, db));
    }
    return stats::interval(std::move(drawn));
}

double mean_of(const std::vector<double>& v) { return v.empty() ? not_known : std::accumulate(v.begin(), v.end(), 0.) / static_cast<double>(v.size()); }

void add_pairs(const FieldRegion& region, Pairs& out) {
    for (std::size_t v = 0; v < region.column.size(); ++v) {
        if (!std::isfinite(region.centre[v].x)) continue;
        out.x.push_back(region.centre[v].x), out.y.push_back(region.centre[v].y);
        const bool known = !region.true_x.empty() && std::isfinite(region.true_x[v]) && std::isfinite(region.true_y[v]);
        out.true_x.push_back(known ? region.true_x[v] : not_known), out.true_y.push_back(known ? region.true_y[v] : not_known);
    }
}

void drop_unknown(Pairs& p) {
    Pairs known;
    for (std::size_t i = 0; i < p.x.size(); ++i)
        if (std::isfinite(p.true_x[i])) known.x.push_back(p.x[i]), known.y.push_back(p.y[i]), known.true_x.push_back(p.true_x[i]), known.true_y.push_back(p.true_y[i]);
    p = std::move(known);
}

FieldScores scores_of(Pairs pairs, std::uint64_t seed) {
    FieldScores s;
    s.mean_x = mean_of(pairs.x), s.mean_y = mean_of(pairs.y);
    drop_unknown(pairs);
    s.compared = static_cast<std::int64_t>(pairs.x.size());
    s.r_x = s.r_x_low = s.r_x_high = s.r_y = s.r_y_low = s.r_y_high = s.same_half = s.distance = not_known;
    if (pairs.x.size() < 3) return s;
    s.r_x = correlation(pairs.x, pairs.true_x), s.r_y = correlation(pairs.y, pairs.true_y);
    std::tie(s.r_x_low, s.r_x_high) = correlation_interval(pairs.x, pairs.true_x, seed);
    std::tie(s.r_y_low, s.r_y_high) = correlation_interval(pairs.y, pairs.true_y, seed);
    std::vector<double> distance, same;
    for (std::size_t i = 0; i < pairs.x.size(); ++i) {
        distance.push_back(std::hypot(pairs.x[i] - pairs.true_x[i], pairs.y[i] - pairs.true_y[i]));
        same.push_back((pairs.x[i] < .5) == (pairs.true_x[i] < .5) ? 1 : 0);
    }
    s.same_half = mean_of(same);
    s.distance = stats::percentile(std::move(distance), .5);
    return s;
}

}  // namespace

FieldCentre field_centre(const float* map, std::int64_t size) {
    const float top = *std::max_element(map, map + size * size);
    if (!(top > 0)) return {not_known, not_known, not_known};
    double mass = 0, mx = 0, my = 0, square = 0;
    for (std::int64_t r = 0; r < size; ++r)
        for (std::int64_t c = 0; c < size; ++c) {
            const double above = static_cast<double>(map[r * size + c]) - .5 * static_cast<double>(top);
            if (above <= 0) continue;
            const double x = (static_cast<double>(c) + .5) / static_cast<double>(size), y = (static_cast<double>(r) + .5) / static_cast<double>(size);
            mass += above, mx += above * x, my += above * y, square += above * (x * x + y * y);
        }
    mx /= mass, my /= mass;
    return {mx, my, std::sqrt(std::max(0., square / mass - mx * mx - my * my) / 2)};
}

std::vector<FieldScores> score_fields(const std::vector<FieldRegion>& regions, std::uint64_t seed) {
    std::vector<FieldScores> out;
    Pairs all;
    std::int64_t voxels = 0;
    for (const auto& region : regions) {
        Pairs own;
        add_pairs(region, own), add_pairs(region, all);
        FieldScores s = scores_of(std::move(own), seed);
        s.hemisphere = region.hemisphere, s.roi_class = region.roi_class, s.roi = region.roi;
        s.voxels = static_cast<std::int64_t>(region.column.size());
        voxels += s.voxels;
        out.push_back(std::move(s));
    }
    FieldScores s = scores_of(std::move(all), seed);
    s.hemisphere = s.roi_class = s.roi = "all", s.voxels = voxels;
    out.push_back(std::move(s));
    return out;
}

}  // namespace cortune::salience
