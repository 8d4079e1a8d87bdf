// SPDX-License-Identifier: BSD-3-Clause
// A square picture under construction: linear RGB floats in [0, 1], coordinates in
// [0, 1)² with y downward, so a scene is written once for every picture size.
#pragma once

#include <cstddef>
#include <vector>

#include "core/random.hpp"
#include "datasets/simulate/geometry.hpp"
#include "images/image.hpp"

namespace cortune::datasets::simulate {

struct Colour {
    double r = 0, g = 0, b = 0;
};
inline Colour operator*(double s, Colour c) { return {s * c.r, s * c.g, s * c.b}; }
inline Colour operator+(Colour a, Colour b) { return {a.r + b.r, a.g + b.g, a.b + b.b}; }
inline Colour blend(Colour a, Colour b, double share) { return (1 - share) * a + share * b; }
Colour from_hsv(double hue, double saturation, double value);  // hue in turns

struct Canvas {
    int size = 0;
    std::vector<float> rgb;  // size × size × 3

    explicit Canvas(int pixels)
        : size(pixels), rgb(3 * static_cast<std::size_t>(pixels) * static_cast<std::size_t>(pixels)) {}
    float* at(int x, int y) {
        return &rgb[3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(size) +
                         static_cast<std::size_t>(x))];
    }
    images::Image quantised() const;  // clamped and rounded to 8 bits
};

// Draws every point within `reach` of `centre` where distance(p) <= 0, antialiased
// over one pixel; shade(p) is the colour there.
template <class Distance, class Shade>
void paint(Canvas& canvas, Point centre, double reach, Distance distance, Shade shade,
           double opacity = 1) {
    const double n = canvas.size;
    const auto clip = [&](double v) { return static_cast<int>(std::clamp(v, 0.0, n)); };
    const int x0 = clip((centre.x - reach) * n - 1), x1 = clip((centre.x + reach) * n + 2);
    const int y0 = clip((centre.y - reach) * n - 1), y1 = clip((centre.y + reach) * n + 2);
    for (int y = y0; y < y1; ++y)
        for (int x = x0; x < x1; ++x) {
            const Point p{(x + 0.5) / n, (y + 0.5) / n};
            const double cover = opacity * std::clamp(0.5 - distance(p) * n, 0.0, 1.0);
            if (cover <= 0) continue;
            const Colour c = shade(p);
            float* pixel = canvas.at(x, y);
            const double keep = 1 - cover;
            pixel[0] = static_cast<float>(keep * pixel[0] + cover * c.r);
            pixel[1] = static_cast<float>(keep * pixel[1] + cover * c.g);
            pixel[2] = static_cast<float>(keep * pixel[2] + cover * c.b);
        }
}

// Value noise summed over octaves with amplitude ∝ wavelength (a 1/f amplitude
// spectrum); zero mean, deviation near 1, at any point of [0, 1)².
class FractalNoise {
  public:
    FractalNoise(Rng& rng, int octaves = 6);
    double operator()(Point p) const;

  private:
    std::vector<std::vector<float>> lattice_;  // octave k: (2^(k+1) + 2)² values
};

// Natural-looking background: dead leaves (occluding shapes whose sizes follow r^-3:
// Lee, Mumford & Huang 2001) of a few related colours, with 1/f texture.
void paint_background(Canvas& canvas, Rng& rng);
// 1/f colour noise, a soft light gradient and camera noise over the finished scene.
void paint_atmosphere(Canvas& canvas, Rng& rng);

}  // namespace cortune::datasets::simulate
