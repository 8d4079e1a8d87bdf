// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/responder.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace cortune::datasets::simulate {
namespace {

// Rows of a map that are summed side by side; each sum still runs from the left to the right.
constexpr int lanes = 8;
static_assert(map_size % lanes == 0);

// channels × x × y: rows side by side.
std::vector<float> transposed(const FeatureMaps& maps) {
    std::vector<float> out(maps.value.size());
    for (int c = 0; c < channels; ++c) {
        const float* from = maps.channel(c);
        float* to = &out[static_cast<std::size_t>(c) * map_size * map_size];
        for (int x = 0; x < map_size; ++x)
            for (int y = 0; y < map_size; ++y) to[x * map_size + y] = from[y * map_size + x];
    }
    return out;
}

double drive(const Tuning& t, const Appearance& seen, int side) {
    if (seen.visibility <= 0) return 0;
    const Attributes& a = seen.attributes;
    double u = t.presence + t.product * a[static_cast<std::size_t>(t.product_a)] *
                                a[static_cast<std::size_t>(t.product_b)];
    for (std::size_t k = 0; k < attributes; ++k)
        u += t.linear[k] * a[k] + t.folded[k] * (std::abs(a[k]) - 0.5);
    // A mild preference for the half of the field; places fill both.
    const double preference =
        t.category == Category::place ? 1 : 1 + 0.35 * std::tanh(4 * side * (seen.pose.centre.x - 0.5));
    return 1.6 * std::tanh(u / 1.6) * seen.visibility * preference;
}

}  // namespace

Responder::Field Responder::field_of(const Vertex& v) {
    const double cx = v.centre.x * map_size - 0.5, cy = v.centre.y * map_size - 0.5, s = v.sigma * map_size;
    const auto first = [&](double centre) { return std::max(0, static_cast<int>(centre - 2.2 * s)); };
    const auto last = [&](double centre) { return std::min(map_size - 1, static_cast<int>(centre + 2.2 * s) + 1); };
    Field f{first(cx), last(cx), first(cy), last(cy), 0, across_.size(), down_.size(), units_.size(), v.units.size()};
    units_.insert(units_.end(), v.units.begin(), v.units.end());
    double mass_x = 0;
    for (int x = f.x0; x <= f.x1; ++x) {
        across_.push_back(static_cast<float>(std::exp(-0.5 * (x - cx) * (x - cx) / (s * s))));
        mass_x += across_.back();
    }
    for (int y = f.y0; y <= f.y1; ++y) {
        down_.push_back(std::exp(-0.5 * (y - cy) * (y - cy) / (s * s)));
        f.mass += down_.back() * mass_x;
    }
    return f;
}

Responder::Responder(const HemisphereModel& model) : model_(model) {
    for (const Vertex& v : model.vertices) fields_.push_back(field_of(v));
}

// Sum of the units' means under the receptive field.
double Responder::pooled(std::size_t vertex, const std::vector<float>& columns) const {
    const Field& f = fields_[vertex];
    if (!(f.mass > 0) || f.units == 0) return 0;
    const float* across = &across_[f.at_x];
    const double* down = &down_[f.at_y];
    const std::span<const Unit> units(&units_[f.at_unit], f.units);
    std::vector<std::array<float, lanes>> lines(units.size());
    double sum = 0;
    for (int top = f.y0 / lanes * lanes; top <= f.y1; top += lanes) {
        for (std::size_t u = 0; u < units.size(); ++u) {
            const float* column = &columns[(static_cast<std::size_t>(units[u].channel * map_size + f.x0)) * map_size + static_cast<std::size_t>(top)];
            std::array<float, lanes> line{};
            for (int x = 0; x <= f.x1 - f.x0; ++x, column += map_size)
                for (std::size_t k = 0; k < lanes; ++k) line[k] += across[x] * column[k];
            lines[u] = line;
        }
        for (int y = std::max(f.y0, top); y <= std::min(f.y1, top + lanes - 1); ++y)
            for (std::size_t u = 0; u < units.size(); ++u)
                sum += units[u].weight * down[y - f.y0] * static_cast<double>(lines[u][static_cast<std::size_t>(y - top)]);
    }
    return sum / f.mass;
}

void Responder::respond(const Scene& scene, const FeatureMaps& maps, float* out) const {
    const std::vector<float> columns = transposed(maps);
    for (std::size_t i = 0; i < model_.vertices.size(); ++i) {
        const Vertex& v = model_.vertices[i];
        // BOLD grows less than linearly with the pooled activity (Kay et al. 2013).
        double r = v.low_level * 2 * std::pow(std::max(0.0, pooled(i, columns)), 0.7);
        for (const Tuning& t : v.tuning) r += drive(t, scene.category[static_cast<std::size_t>(t.category)], v.side);
        out[i] = static_cast<float>(r);
    }
}

}  // namespace cortune::datasets::simulate
