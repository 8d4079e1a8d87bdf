// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/canvas.hpp"

#include <cmath>

namespace cortune::datasets::simulate {

Colour from_hsv(double hue, double saturation, double value) {
    const double h = 6 * (hue - std::floor(hue));
    const auto channel = [&](double shift) {
        const double k = std::fmod(shift + h, 6.0);
        return value * (1 - saturation * std::clamp(std::min(k, 4 - k), 0.0, 1.0));
    };
    return {channel(5), channel(3), channel(1)};
}

images::Image Canvas::quantised() const {
    images::Image out{size, size, std::vector<std::uint8_t>(rgb.size())};
    for (std::size_t i = 0; i < rgb.size(); ++i)
        out.rgb[i] = static_cast<std::uint8_t>(std::lround(255 * std::clamp(rgb[i], 0.0F, 1.0F)));
    return out;
}

FractalNoise::FractalNoise(Rng& rng, int octaves) {
    for (int k = 0; k < octaves; ++k) {
        const std::size_t side = (std::size_t{2} << k) + 2;
        auto& grid = lattice_.emplace_back(side * side);
        // Bilinear interpolation lowers the deviation of uniform values to about 0.4.
        const double amplitude = 3.1 / (1 << k);
        for (float& v : grid) v = static_cast<float>(amplitude * (rng.uniform() - 0.5));
    }
}

double FractalNoise::operator()(Point p) const {
    double sum = 0;
    for (std::size_t k = 0; k < lattice_.size(); ++k) {
        const std::size_t cells = std::size_t{2} << k, side = cells + 2;
        const double top = static_cast<double>(cells) + 0.999;
        const double x = std::clamp(p.x * static_cast<double>(cells), 0.0, top);
        const double y = std::clamp(p.y * static_cast<double>(cells), 0.0, top);
        const auto ix = static_cast<std::size_t>(x), iy = static_cast<std::size_t>(y);
        const double fx = x - static_cast<double>(ix), fy = y - static_cast<double>(iy);
        const float* g = &lattice_[k][iy * side + ix];
        sum += (1 - fy) * ((1 - fx) * g[0] + fx * g[1]) + fy * ((1 - fx) * g[side] + fx * g[side + 1]);
    }
    return sum;
}

namespace {

// Sizes with density ∝ r^-3 on [low, high], by inversion.
double power_law_radius(Rng& rng, double low, double high) {
    const double a = 1 / (low * low), b = 1 / (high * high);
    return 1 / std::sqrt(a - (a - b) * rng.uniform());
}

struct Leaf {
    Point centre;
    double radius = 0, angle = 0, aspect = 1, contrast = 0, frequency = 0;
    int kind = 0;
    Colour colour;
    Point light;
    std::vector<Point> corner;
};

Leaf draw_leaf(Rng& rng, double hue, double saturation) {
    Leaf leaf;
    leaf.centre = {rng.uniform(-0.1, 1.1), rng.uniform(-0.1, 1.1)};
    leaf.radius = power_law_radius(rng, 0.045, 0.55);
    leaf.angle = rng.uniform(0, pi);
    leaf.aspect = rng.uniform(0.45, 1);
    leaf.kind = static_cast<int>(rng.below(3));
    leaf.colour = from_hsv(hue + 0.05 * rng.normal() + (rng.uniform() < 0.12 ? 0.5 : 0),
                           std::clamp(saturation + 0.1 * rng.normal(), 0.0, 0.7),
                           std::clamp(0.48 + 0.21 * rng.normal(), 0.08, 0.95));
    leaf.light = 0.35 * direction(rng.uniform(0, 2 * pi));
    leaf.contrast = rng.uniform() < 0.3 ? rng.uniform(0.1, 0.35) : 0;
    leaf.frequency = rng.uniform(8, 40);
    const auto corners = 3 + rng.below(5);
    for (std::uint64_t i = 0; i < corners; ++i)
        leaf.corner.push_back(rng.uniform(0.6, 1) *
                              direction(2 * pi * (static_cast<double>(i) + rng.uniform(-0.2, 0.2)) /
                                        static_cast<double>(corners)));
    return leaf;
}

void paint_leaf(Canvas& canvas, const Leaf& leaf, const FractalNoise& grain) {
    const auto local = [&](Point p) {
        const Point q = rotated(p - leaf.centre, -leaf.angle);
        return Point{q.x / leaf.radius, q.y / (leaf.radius * leaf.aspect)};
    };
    const double scale = leaf.radius * leaf.aspect;
    const auto distance = [&](Point p) {
        const Point q = local(p);
        if (leaf.kind == 0) return scale * disc(q, {}, 1);
        if (leaf.kind == 1) return scale * box(q, {}, 0.85, 0.85);
        return scale * polygon(q, leaf.corner);
    };
    const auto shade = [&](Point p) {
        const Point q = local(p);
        const double wave =
            leaf.contrast > 0 ? leaf.contrast * std::sin(leaf.frequency * leaf.radius * 3 * q.x) : 0;
        return std::max(0.05, 1 + dot(q, leaf.light) + wave + 0.2 * grain(p)) * leaf.colour;
    };
    paint(canvas, leaf.centre, 1.25 * leaf.radius, distance, shade);
}

}  // namespace

void paint_background(Canvas& canvas, Rng& rng) {
    const double hue = rng.uniform(), saturation = rng.uniform(0.1, 0.45);
    const FractalNoise grain(rng, 7);
    const Colour base = from_hsv(hue, saturation, 0.5);
    paint(
        canvas, {0.5, 0.5}, 1, [](Point) { return -1.0; },
        [&](Point p) { return (1 + 0.3 * grain(p)) * base; });
    const int leaves = 40 + static_cast<int>(rng.below(140));  // sparse to dense
    for (int i = 0; i < leaves; ++i) paint_leaf(canvas, draw_leaf(rng, hue, saturation), grain);
}

void paint_atmosphere(Canvas& canvas, Rng& rng) {
    const FractalNoise luminance(rng, 6), warm(rng, 4);
    const Point light = rng.uniform(0, 0.35) * direction(rng.uniform(0, 2 * pi));
    const double level = rng.uniform(0.85, 1.12), haze = rng.uniform(0, 0.08);
    const Rng camera(rng());
    const std::uint64_t key = Rng(camera)();
    for (int y = 0; y < canvas.size; ++y)
        for (int x = 0; x < canvas.size; ++x) {
            const Point p{(x + 0.5) / canvas.size, (y + 0.5) / canvas.size};
            const double gain = level * (1 + dot(p - Point{0.5, 0.5}, light)) + 0.035 * luminance(p);
            const double tint = 0.025 * warm(p);
            const double speck = static_cast<double>(mix64(key + static_cast<std::uint64_t>(y) * 65536U +
                                                           static_cast<std::uint64_t>(x)) >>
                                                     40) *
                                     0x1p-24 -
                                 0.5;
            float* pixel = canvas.at(x, y);
            for (int c = 0; c < 3; ++c)
                pixel[c] = static_cast<float>((1 - haze) * gain * pixel[c] + 0.6 * haze + tint * (1 - c) +
                                              0.03 * speck);
        }
}

}  // namespace cortune::datasets::simulate
