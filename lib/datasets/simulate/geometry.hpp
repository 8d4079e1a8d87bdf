// SPDX-License-Identifier: BSD-3-Clause
// Points and signed distances (negative inside), the vocabulary in which every shape
// of the simulated pictures is written. Formulas: I. Quilez, "2D distance functions".
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace cortune::datasets::simulate {

inline constexpr double pi = std::numbers::pi;

struct Point {
    double x = 0, y = 0;
};
inline Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
inline Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
inline Point operator*(double s, Point a) { return {s * a.x, s * a.y}; }
inline double dot(Point a, Point b) { return a.x * b.x + a.y * b.y; }
inline double length(Point a) { return std::sqrt(dot(a, a)); }
inline Point direction(double angle) { return {std::cos(angle), std::sin(angle)}; }
inline Point rotated(Point p, double angle) {
    const double c = std::cos(angle), s = std::sin(angle);
    return {c * p.x - s * p.y, s * p.x + c * p.y};
}

inline double disc(Point p, Point centre, double radius) { return length(p - centre) - radius; }

inline double box(Point p, Point centre, double half_width, double half_height) {
    const double dx = std::abs(p.x - centre.x) - half_width;
    const double dy = std::abs(p.y - centre.y) - half_height;
    return length({std::max(dx, 0.0), std::max(dy, 0.0)}) + std::min(std::max(dx, dy), 0.0);
}

// First-order distance: exact on the outline, good enough for antialiasing.
inline double ellipse(Point p, Point centre, double rx, double ry) {
    const Point q = p - centre;
    const double k = length({q.x / rx, q.y / ry});
    const double g = length({q.x / (rx * rx), q.y / (ry * ry)});
    return g > 1e-9 ? k * (k - 1) / g : -std::min(rx, ry);
}

inline double capsule(Point p, Point a, Point b, double radius) {
    const Point pa = p - a, ba = b - a;
    const double h = std::clamp(dot(pa, ba) / std::max(dot(ba, ba), 1e-12), 0.0, 1.0);
    return length(pa - h * ba) - radius;
}

// Closed polygon of any shape.
inline double polygon(Point p, const std::vector<Point>& corner) {
    double squared = 1e30, sign = 1;
    for (std::size_t i = 0, j = corner.size() - 1; i < corner.size(); j = i++) {
        const Point e = corner[j] - corner[i], w = p - corner[i];
        const double t = std::clamp(dot(w, e) / std::max(dot(e, e), 1e-12), 0.0, 1.0);
        const Point b = w - t * e;
        squared = std::min(squared, dot(b, b));
        const bool above = p.y >= corner[i].y, below = p.y < corner[j].y;
        const bool left = e.x * w.y > e.y * w.x;
        if ((above && below && left) || (!above && !below && !left)) sign = -sign;
    }
    return sign * std::sqrt(squared);
}

}  // namespace cortune::datasets::simulate
