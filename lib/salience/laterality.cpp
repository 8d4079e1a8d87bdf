// SPDX-License-Identifier: BSD-3-Clause
#include "salience/laterality.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cortune::salience {
namespace {

struct Mass {
    double left = 0, right = 0;
    double index() const { return left + right > 0 ? (left - right) / (left + right) : std::numeric_limits<double>::quiet_NaN(); }
};

}  // namespace

Laterality laterality(const float* map, std::int64_t size) {
    const double centre = .5 * static_cast<double>(size - 1), half = .5 * static_cast<double>(size);
    Mass all;
    std::vector<Mass> band(band_edges.size());
    for (std::int64_t y = 0; y < size; ++y)
        for (std::int64_t x = 0; x < size; ++x) {
            const double value = std::max(0., static_cast<double>(map[y * size + x])), dx = static_cast<double>(x) - centre, dy = static_cast<double>(y) - centre;
            if (dx == 0) continue;
            const auto at = std::upper_bound(band_edges.begin(), band_edges.end() - 1, std::hypot(dx, dy) / half) - band_edges.begin();
            for (Mass* m : {&all, &band[static_cast<std::size_t>(at)]}) (dx < 0 ? m->left : m->right) += value;
        }
    Laterality out{all.index(), {}};
    for (const auto& m : band) out.band.push_back(m.index());
    return out;
}

}  // namespace cortune::salience
