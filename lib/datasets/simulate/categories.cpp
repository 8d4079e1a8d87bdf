// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/categories.hpp"

#include <functional>

namespace cortune::datasets::simulate {
namespace {

// Draws one part of an object in the object's own coordinates.
void part(Canvas& canvas, const Pose& pose, Colour colour, const std::function<double(Point)>& distance) {
    paint(
        canvas, pose.centre, 1.3 * pose.radius,
        [&](Point p) { return pose.radius * distance(pose.local(p)); },
        [&](Point p) {
            const Point q = pose.local(p);
            return (1 - 0.16 * q.x - 0.12 * q.y) * colour;  // light from the upper left
        });
}

Colour skin_colour(double brightness, Rng& rng) {
    return from_hsv(0.06 + 0.015 * rng.normal(), 0.45, std::clamp(0.64 + 0.26 * brightness, 0.2, 0.97));
}

void paint_figure(Canvas& canvas, const Pose& pose, const Attributes& a, Colour skin, Colour shirt,
                  Colour trousers) {
    const double girth = 0.15 + 0.06 * a[5], limb = 0.075 + 0.02 * a[5];
    const double raise = 0.5 * pi * a[0], spread = 0.32 + 0.26 * a[1];  // arms down … up
    const Point hip{0, 0.15}, neck{0, -0.45};
    for (const int side : {-1, 1}) {
        const Point shoulder{side * (girth + 0.03), -0.4};
        const Point along = {side * std::cos(raise), -std::sin(raise)};
        const Point elbow = shoulder + 0.27 * along;
        const Point hand = elbow + 0.25 * rotated(along, -0.25 * side);
        part(canvas, pose, shirt, [=](Point q) { return capsule(q, shoulder, elbow, limb); });
        part(canvas, pose, skin, [=](Point q) { return capsule(q, elbow, hand, 0.85 * limb); });
        const Point top{side * 0.6 * girth, hip.y},
            foot = top + 0.75 * Point{side * std::sin(spread), std::cos(spread)};
        part(canvas, pose, trousers, [=](Point q) { return capsule(q, top, foot, 1.15 * limb); });
    }
    part(canvas, pose, shirt, [=](Point q) { return capsule(q, neck, hip, girth); });
    part(canvas, pose, skin, [=](Point q) { return ellipse(q, {0, -0.8}, 0.15, 0.19); });
    part(canvas, pose, 0.3 * trousers, [=](Point q) {
        return std::max(ellipse(q, {0, -0.82}, 0.16, 0.2), q.y + 0.86);
    });
}

// Five segments of a letter's grid, chosen by the bits of `code`; x in [0, 1], y in [−1, 1].
double glyph(Point q, std::uint64_t code, double stroke) {
    static constexpr std::array<std::array<double, 4>, 10> segment{{{0, -1, 0, 1},
                                                                    {1, -1, 1, 1},
                                                                    {0, -1, 1, -1},
                                                                    {0, 0, 1, 0},
                                                                    {0, 1, 1, 1},
                                                                    {0, -1, 1, 1},
                                                                    {0, 1, 1, -1},
                                                                    {0.5, -1, 0.5, 1},
                                                                    {0, 0, 1, 1},
                                                                    {0, 0, 1, -1}}};
    double d = 1e9;
    for (std::size_t s = 0; s < segment.size(); ++s)
        if (code >> s & 1U)
            d = std::min(d, capsule(q, {0.62 * segment[s][0], segment[s][1]},
                                    {0.62 * segment[s][2], segment[s][3]}, stroke));
    return d;
}

struct Block {
    double x, depth, half, height, hue, windows;
};

}  // namespace

Attributes draw_attributes(Rng& rng, Category category) {
    Attributes out;
    for (double& v : out) v = rng.uniform(-1, 1);
    if (category == Category::body) out[2] = std::round(1.5 * out[2]);
    if (category == Category::place) {
        out[4] = out[4] > 0 ? 0.8 : -0.8;
        if (out[4] > 0) out[2] = 0;
    }
    return out;
}

void paint_body(Canvas& canvas, const Pose& pose, const Attributes& a, Rng& rng) {
    const int figures = 2 + static_cast<int>(a[2]);
    const double clothes = std::clamp(0.52 + 0.42 * a[4], 0.05, 0.97), hue = rng.uniform();
    for (int f = 0; f < figures; ++f) {
        const double shift = (f - 0.5 * (figures - 1)) * 0.85;
        Pose own = pose;
        own.radius = pose.radius * (figures == 1 ? 1.0 : 0.86);
        own.centre = pose.centre + pose.radius * Point{shift, 0.06 * rng.normal()};
        own.angle = 0.45 * a[3] + 0.06 * rng.normal();
        Attributes varied = a;
        for (const int k : {0, 1}) varied[static_cast<std::size_t>(k)] += 0.12 * rng.normal();
        const Colour shirt = from_hsv(hue + 0.1 * f, rng.uniform(0.3, 0.8), clothes);
        paint_figure(canvas, own, varied, skin_colour(rng.uniform(-1, 1), rng), shirt,
                     from_hsv(rng.uniform(), 0.35, std::clamp(clothes - 0.15, 0.05, 0.9)));
    }
}

void paint_face(Canvas& canvas, const Pose& pose, const Attributes& a, Rng& rng) {
    Pose own = pose;
    own.angle = 0.5 * a[2];
    const Colour skin = skin_colour(a[5], rng), hair = from_hsv(0.07, 0.5, rng.uniform(0.08, 0.6));
    const double width = 0.68 + 0.14 * a[3], eye_x = 0.3 + 0.12 * a[0], mouth = 0.07 + 0.09 * (a[1] + 1);
    const double fringe = -0.48 + 0.18 * a[4], length_of_hair = 0.15 + 0.75 * a[4];
    const double brow = 0.12 * rng.normal();
    part(canvas, own, hair, [=](Point q) {
        return std::max(ellipse(q, {0, -0.1}, width + 0.17, 1.02), q.y - length_of_hair);
    });
    part(canvas, own, skin, [=](Point q) { return ellipse(q, {0, 0.03}, width, 0.9); });
    part(canvas, own, hair, [=](Point q) {
        return std::max(ellipse(q, {0, 0}, width + 0.05, 0.98), q.y - fringe);
    });
    for (const int side : {-1, 1}) {
        const Point eye{side * eye_x, -0.14};
        part(canvas, own, {0.95, 0.95, 0.93}, [=](Point q) { return ellipse(q, eye, 0.17, 0.11); });
        part(canvas, own, {0.08, 0.06, 0.05}, [=](Point q) { return disc(q, eye, 0.09); });
        part(canvas, own, 0.5 * hair, [=](Point q) {
            return capsule(q, eye + Point{-0.15, -0.2 + side * brow},
                           eye + Point{0.15, -0.2 - side * brow}, 0.045);
        });
    }
    part(canvas, own, 0.72 * skin, [=](Point q) { return capsule(q, {0.03, -0.02}, {0.06, 0.2}, 0.05); });
    part(canvas, own, {0.55, 0.12, 0.12}, [=](Point q) { return ellipse(q, {0, 0.5}, 0.3, mouth); });
    part(canvas, own, {0.2, 0.03, 0.04}, [=](Point q) {
        return ellipse(q, {0, 0.5}, 0.22, std::max(0.02, mouth - 0.06));
    });
}

void paint_word(Canvas& canvas, const Pose& pose, const Attributes& a, Rng& rng) {
    const int letters = static_cast<int>(std::lround(4.5 + 2.4 * a[0]));  // 2 … 7
    const double advance = 1.05 + 0.25 * a[4], stroke = 0.17 + 0.085 * a[1], slant = 0.45 * a[2];
    const double stretch = 1.3 + 0.35 * a[5];
    // The longest word spans the pose's disc; shorter ones keep the letters' size.
    const double unit = pose.radius * 0.24, half = 0.5 * (letters * advance - (advance - 0.62));
    std::vector<std::uint64_t> code(static_cast<std::size_t>(letters));
    for (auto& c : code) {
        const std::uint64_t first = rng.below(2), bar = rng.below(3), extra = rng.below(6);
        c = (1ULL << (first ? 0 : 7)) | (1ULL << (2 + bar)) | (1ULL << (4 + extra));
    }
    const double dark = rng.uniform(0.02, 0.15), bright = rng.uniform(0.85, 1), hue = rng.uniform();
    const Colour ink = from_hsv(hue, 0.3, a[3] > 0 ? bright : dark);
    const Colour plate = from_hsv(hue + 0.3, 0.25, a[3] > 0 ? 0.3 - 0.2 * a[3] : 0.7 - 0.28 * a[3]);
    const auto local = [&](Point p) {
        const Point q = (1 / unit) * rotated(p - pose.centre, -pose.angle);
        return Point{q.x + slant * q.y, q.y};
    };
    paint(
        canvas, pose.centre, 2.2 * pose.radius,
        [&](Point p) { return unit * box(local(p), {}, half + 0.55, stretch + 0.6); },
        [&](Point) { return plate; }, 0.85);
    paint(
        canvas, pose.centre, 2.2 * pose.radius,
        [&](Point p) {
            const Point q = local(p);
            const double column = (q.x + half) / advance;
            double d = 1e9;
            for (int i = std::max(0, static_cast<int>(column) - 1);
                 i <= std::min(letters - 1, static_cast<int>(column) + 1); ++i)
                d = std::min(d, glyph({q.x + half - i * advance, q.y / stretch},
                                      code[static_cast<std::size_t>(i)], stroke));
            return unit * d;
        },
        [&](Point) { return ink; });
}

void paint_place(Canvas& canvas, const Attributes& a, Rng& rng) {
    const double horizon = 0.5 + 0.2 * a[0], vanish = 0.5 + 0.28 * a[3], day = 0.62 + 0.33 * a[5];
    const FractalNoise cloud(rng, 6), earth(rng, 7);
    const Colour sky = from_hsv(0.58 + 0.05 * rng.normal(), 0.4, day),
                 ground = from_hsv(rng.uniform(0.05, 0.4), 0.35, 0.7 * day);
    const Colour wall = from_hsv(rng.uniform(), 0.2, 0.75 * day);
    const bool inside = a[4] > 0;
    const double opening = 0.12 + 0.13 * (a[1] + 1);  // half-width of the far wall
    paint(
        canvas, {0.5, 0.5}, 1, [](Point) { return -1.0; },
        [&](Point p) {
            const Point q = p - Point{vanish, horizon};
            const double side = std::abs(q.x) / std::max(opening, 1e-3),
                         up = std::abs(q.y) / (0.55 * opening);
            if (inside && std::max(side, up) < 1)
                return (0.9 + 0.2 * earth(p)) * blend(wall, {1, 1, 0.9}, 0.45);
            if (inside && side > up) {  // a side wall with doors at equal depths
                const double depth = 6 / side,
                             door = std::fmod(depth, 1.0) < 0.35 && q.y > -0.3 * std::abs(q.x) ? 0.55 : 1;
                return (door * (0.55 + 0.4 * std::min(1.0, side / 4)) + 0.06 * earth(p)) * wall;
            }
            if (q.y < 0)
                return (inside ? 0.8 : 1.0) *
                       (blend(sky, {0.95, 0.93, 0.9},
                              std::clamp(0.4 + 0.3 * cloud(p) + 0.6 * q.y, 0.0, 0.9)));
            const double depth = 0.25 / std::max(q.y, 0.01), lane = q.x * depth;
            const bool line = std::abs(std::abs(lane) - 0.22) < 0.03 ||
                              (std::abs(lane) < 0.025 && std::fmod(depth, 1.0) < 0.5);
            return (line ? 1.35 : 0.9 + 0.14 * earth(p) - 0.2 * (std::abs(lane) < 0.22)) * ground;
        });
    if (inside) return;
    const int blocks = static_cast<int>(std::lround(4 + 3.4 * a[2]));
    std::vector<Block> row;
    for (int i = 0; i < blocks; ++i)
        row.push_back({rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.05, 0.1),
                       rng.uniform(0.6, 1.2), rng.uniform(), rng.uniform(2, 4)});
    std::sort(row.begin(), row.end(), [](const Block& l, const Block& r) { return l.depth < r.depth; });
    for (const Block& b : row) {
        const double near = 0.5 + b.depth, height = b.height * near * (0.34 - 0.2 * a[1]);
        const double foot = horizon + 0.1 * b.depth, half = b.half * near * 1.2;
        const Point centre{b.x, foot - 0.5 * height};
        const Colour face = from_hsv(b.hue, 0.25, day * (0.45 + 0.35 * b.height));
        paint(
            canvas, centre, std::max(half, height),
            [&](Point p) { return box(p, centre, half, 0.5 * height); },
            [&](Point p) {
                const double u = (p.x - centre.x) / half, v = (p.y - centre.y) / half;
                const bool pane =
                    std::cos(pi * b.windows * u) > 0.3 && std::cos(pi * b.windows * v) > 0.3;
                return (pane ? 0.45 : u > 0.45 ? 0.7 : 1.0) * face;
            });
    }
}

}  // namespace cortune::datasets::simulate
