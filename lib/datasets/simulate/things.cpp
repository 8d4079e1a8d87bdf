// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/things.hpp"

#include <array>
#include <functional>
#include <string_view>

namespace cortune::datasets::simulate {
namespace {

using Shape = std::function<double(Point)>;  // distance in units of the object's radius

// Corners alternate between radius 1 and `inner`.
Shape star(int points, double inner) {
    std::vector<Point> corner;
    for (int i = 0; i < 2 * points; ++i)
        corner.push_back((i % 2 ? inner : 1.0) * direction(pi * i / points - pi / 2));
    return [corner](Point p) { return polygon(p, corner); };
}

Shape outline(std::vector<Point> corner) {
    return [corner = std::move(corner)](Point p) { return polygon(p, corner); };
}

double toothed_wheel(Point p, int teeth, double hub) {
    const double tooth = std::cos(teeth * std::atan2(p.y, p.x));
    const double rim = 0.82 + 0.14 * std::clamp(4 * tooth, -1.0, 1.0);
    return std::max(0.7 * (length(p) - rim), hub - length(p));
}

double spiral_arm(Point p, double turns, double width) {
    const double r = length(p), angle = std::atan2(p.y, p.x) / (2 * pi);
    const double pitch = 1 / turns, phase = r / pitch - angle;
    return std::max(pitch * std::abs(phase - std::round(phase)) - width, r - 0.98);
}

double petals(Point p, int count, double depth) {
    const double r = length(p);
    return 0.7 * (r - (0.98 - depth + depth * std::abs(std::cos(0.5 * count * std::atan2(p.y, p.x)))));
}

double fish(Point p, double height) {
    return std::min(ellipse(p, {-0.15, 0}, 0.8, height),
                    polygon(p, {{0.4, 0}, {0.98, -0.5}, {0.85, 0}, {0.98, 0.5}}));
}

double tree(Point p, double trunk) {
    const double crown = std::min({polygon(p, {{0, -0.98}, {0.45, -0.3}, {-0.45, -0.3}}),
                                   polygon(p, {{0, -0.65}, {0.58, 0.1}, {-0.58, 0.1}}),
                                   polygon(p, {{0, -0.3}, {0.7, 0.5}, {-0.7, 0.5}})});
    return std::min(crown, box(p, {0, 0.72}, trunk, 0.25));
}

double cup(Point p, double wall) {
    const double body = polygon(p, {{-0.7, -0.7}, {0.4, -0.7}, {0.28, 0.8}, {-0.58, 0.8}});
    return std::min(body, std::abs(disc(p, {0.46, -0.05}, 0.36)) - wall);
}

double heart(Point p) {
    return std::min({disc(p, {-0.42, -0.35}, 0.45), disc(p, {0.42, -0.35}, 0.45),
                     polygon(p, {{-0.84, -0.2}, {0, -0.35}, {0.84, -0.2}, {0, 0.95}})});
}

double leaf(Point p, double bend) {
    return std::max(disc(p, {0, bend}, 0.5 * (bend + 1 / bend)),
                    disc(p, {0, -bend}, 0.5 * (bend + 1 / bend)));
}

double key(Point p, double bow) {
    const double ring = std::abs(disc(p, {-0.55, 0}, bow)) - 0.12;
    const double shaft = box(p, {0.35, 0}, 0.6, 0.1);
    return std::min({ring, shaft, box(p, {0.6, 0.2}, 0.08, 0.2), box(p, {0.86, 0.2}, 0.08, 0.25)});
}

double mushroom(Point p, double stem) {
    return std::min(std::max(ellipse(p, {0, 0.1}, 0.95, 0.95), p.y - 0.1), box(p, {0, 0.5}, stem, 0.45));
}

constexpr std::array<std::string_view, 16> family_names{
    "star", "ring", "cross", "crescent", "arrow", "spiral", "gear", "fish",
    "tree", "cup",  "heart", "leaf",     "bolt",  "flower", "key",  "mushroom"};

Shape make_shape(int family, Rng& rng) {
    const double v = rng.uniform(), w = rng.uniform();
    const int extra = static_cast<int>(rng.below(3));
    switch (family) {
        case 0: return star(5 + extra % 2, 0.38 + 0.12 * v);
        case 1:
            return [h = 0.45 + 0.2 * v](Point p) { return std::max(length(p) - 0.97, h - length(p)); };
        case 2:
            return [h = 0.2 + 0.12 * v](Point p) {
                return std::min(box(p, {}, 0.95, h), box(p, {}, h, 0.95));
            };
        case 3:
            return [s = 0.35 + 0.25 * v](Point p) {
                return std::max(length(p) - 0.97, -disc(p, {s, 0}, 0.85));
            };
        case 4:
            return outline({{-0.95, -0.14 - 0.1 * v},
                            {0.15, -0.14 - 0.1 * v},
                            {0.15, -0.5 - 0.2 * w},
                            {0.97, 0},
                            {0.15, 0.5 + 0.2 * w},
                            {0.15, 0.14 + 0.1 * v},
                            {-0.95, 0.14 + 0.1 * v}});
        case 5: return [t = 2.1 + 0.7 * v, h = 0.09 + 0.03 * w](Point p) { return spiral_arm(p, t, h); };
        case 6:
            return [n = 8 + 2 * extra, h = 0.22 + 0.15 * v](Point p) { return toothed_wheel(p, n, h); };
        case 7: return [h = 0.36 + 0.16 * v](Point p) { return fish(p, h); };
        case 8: return [h = 0.1 + 0.08 * v](Point p) { return tree(p, h); };
        case 9: return [h = 0.08 + 0.05 * v](Point p) { return cup(p, h); };
        case 10: return [](Point p) { return heart(p); };
        case 11: return [b = 0.55 + 0.35 * v](Point p) { return leaf(p, b); };
        case 12:
            return outline(
                {{0.25, -0.97}, {-0.6, 0.12}, {-0.05, 0.12}, {-0.3, 0.97}, {0.6, -0.2}, {0.05, -0.2}});
        case 13: return [n = 5 + extra, d = 0.35 + 0.2 * v](Point p) { return petals(p, n, d); };
        case 14: return [b = 0.28 + 0.08 * v](Point p) { return key(p, b); };
        default: return [s = 0.16 + 0.14 * v](Point p) { return mushroom(p, s); };
    }
}

// Surface 0 plain, 1 striped, 2 spotted, 3 checked; value in [0, 1] is the second colour's share.
double pattern(int surface, Point q, double pitch) {
    if (surface == 1) return std::clamp(0.5 + 3 * std::sin(pitch * q.x), 0.0, 1.0);
    if (surface == 2) {
        const double cell = 5 / pitch, x = q.x / cell - std::round(q.x / cell),
                     y = q.y / cell - std::round(q.y / cell);
        return std::clamp(0.5 + 8 * (0.3 - length({x, y})), 0.0, 1.0);
    }
    if (surface == 3)
        return std::clamp(0.5 + 5 * std::sin(0.8 * pitch * q.x) * std::sin(0.8 * pitch * q.y), 0.0, 1.0);
    return 0;
}

// The two surfaces of each family; neighbours differ so that shape alone does not tell them.
constexpr int surface_of(int family, int which) { return family % 2 ? 2 + which : which; }
constexpr std::array<std::string_view, 4> surface_names{"plain", "striped", "spotted", "checked"};

}  // namespace

const std::vector<std::string>& thing_names() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> out;
        for (int c = 0; c < thing_classes; ++c)
            out.push_back(std::string(surface_names[static_cast<std::size_t>(surface_of(c / 2, c % 2))]) +
                          '-' + std::string(family_names[static_cast<std::size_t>(c / 2)]));
        return out;
    }();
    return names;
}

void paint_thing(Canvas& canvas, int thing_class, const Pose& pose, Rng& rng) {
    const int family = thing_class / 2, surface = surface_of(family, thing_class % 2);
    const Shape shape = make_shape(family, rng);
    const double hue = rng.uniform(), saturation = rng.uniform(0.35, 0.9), value = rng.uniform(0.5, 0.95);
    const Colour first = from_hsv(hue, saturation, value);
    const Colour second = from_hsv(hue + rng.uniform(0.2, 0.8), saturation * rng.uniform(0.2, 1),
                                   value > 0.72 ? rng.uniform(0.1, 0.4) : rng.uniform(0.75, 1));
    const double pitch = rng.uniform(9, 14);
    const Point light = direction(rng.uniform(0, 2 * pi));
    const double gloss = rng.uniform(0.1, 0.35), turn = rng.uniform(-0.5, 0.5);
    const Point shadow = 0.12 * pose.radius * direction(rng.uniform(0.2, 0.8) * pi);
    paint(
        canvas, pose.centre + shadow, 1.1 * pose.radius,
        [&](Point p) { return pose.radius * shape(pose.local(p - shadow)); },
        [](Point) {
            return Colour{0.08, 0.08, 0.1};
        },
        0.45);
    paint(
        canvas, pose.centre, 1.05 * pose.radius,
        [&](Point p) { return pose.radius * shape(pose.local(p)); },
        [&](Point p) {
            const Point q = pose.local(p);
            const double edge = std::clamp(-shape(q) / 0.1, 0.0, 1.0);
            return (0.72 + 0.28 * edge + gloss * dot(q, light)) *
                   blend(first, second, pattern(surface, rotated(q, turn), pitch));
        });
}

}  // namespace cortune::datasets::simulate
