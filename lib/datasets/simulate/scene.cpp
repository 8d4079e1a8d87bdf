// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/scene.hpp"

namespace cortune::datasets::simulate {
namespace {

// Streams of one seed: layouts, the drawing of scenes, labelled pictures.
constexpr std::uint64_t layout_stream = 1ULL << 40, paint_stream = 2ULL << 40,
                        labelled_stream = 3ULL << 40;

// A free place for an object of this radius: the best of some random ones.
Point free_place(Rng& rng, double radius, const std::vector<Pose>& taken) {
    Point best{0.5, 0.5};
    double most = -1e9;
    const double margin = 0.75 * radius;
    for (int trial = 0; trial < 8; ++trial) {
        const Point p{rng.uniform(margin, 1 - margin), rng.uniform(margin, 1 - margin)};
        double room = 1;
        for (const Pose& other : taken)
            room = std::min(room, length(p - other.centre) - radius - other.radius);
        if (room > most) most = room, best = p;
        if (room > 0) break;
    }
    return best;
}

double radius_of(Category category, Rng& rng) {
    switch (category) {
        case Category::body: return rng.uniform(0.25, 0.4);
        case Category::face: return rng.uniform(0.18, 0.34);
        case Category::word: return rng.uniform(0.24, 0.42);
        case Category::place: break;
    }
    return 0.5;
}

void paint_category(Canvas& canvas, int c, const Appearance& seen, Rng& rng) {
    switch (static_cast<Category>(c)) {
        case Category::body: return paint_body(canvas, seen.pose, seen.attributes, rng);
        case Category::face: return paint_face(canvas, seen.pose, seen.attributes, rng);
        case Category::word: return paint_word(canvas, seen.pose, seen.attributes, rng);
        case Category::place: return paint_place(canvas, seen.attributes, rng);
    }
}

}  // namespace

Scene draw_scene(std::uint64_t seed, std::uint64_t id) {
    Rng rng(seed, layout_stream + id);
    Scene scene;
    std::vector<int> shown;
    if (rng.uniform() < 0.78) {
        shown.push_back(static_cast<int>(rng.below(categories)));
        if (rng.uniform() < 0.3)  // a second category, never the first again
            shown.push_back((shown[0] + 1 + static_cast<int>(rng.below(categories - 1))) % categories);
    }
    std::vector<Pose> taken;
    for (const int c : shown) {
        Appearance& seen = scene.category[static_cast<std::size_t>(c)];
        seen.attributes = draw_attributes(rng, static_cast<Category>(c));
        seen.pose.radius = radius_of(static_cast<Category>(c), rng);
        if (static_cast<Category>(c) == Category::place) {
            seen.visibility = 1;
            continue;
        }
        seen.visibility = std::clamp(0.55 + 1.8 * (seen.pose.radius - 0.2), 0.0, 1.0);
        seen.pose.centre = free_place(rng, 0.8 * seen.pose.radius, taken);
        if (static_cast<Category>(c) == Category::word) {  // wide: keep it inside
            seen.pose.centre.x = 0.5 + (seen.pose.centre.x - 0.5) * 0.6;
            seen.pose.angle = 0.15 * rng.normal();
        }
        taken.push_back(seen.pose);
    }
    const std::size_t most = shown.empty() ? 3 : 2;
    const std::size_t count = (shown.empty() ? 1 : 0) + rng.below(most);
    for (std::size_t i = 0; i < count; ++i) {
        Thing thing{static_cast<int>(rng.below(thing_classes)), {}};
        thing.pose.radius = rng.uniform(0.1, shown.empty() ? 0.32 : 0.2);
        thing.pose.angle = 0.35 * rng.normal();
        thing.pose.centre = free_place(rng, thing.pose.radius, taken);
        taken.push_back(thing.pose);
        scene.things.push_back(thing);
    }
    return scene;
}

images::Image render_scene(const Scene& scene, std::uint64_t seed, std::uint64_t id, int size) {
    Rng rng(seed, paint_stream + id);
    Canvas canvas(size);
    const auto& place = scene.category[static_cast<std::size_t>(Category::place)];
    if (place.visibility > 0)
        paint_place(canvas, place.attributes, rng);
    else
        paint_background(canvas, rng);
    for (const Thing& thing : scene.things) paint_thing(canvas, thing.thing_class, thing.pose, rng);
    for (int c = 0; c < categories; ++c) {
        const Appearance& seen = scene.category[static_cast<std::size_t>(c)];
        if (seen.visibility > 0 && static_cast<Category>(c) != Category::place)
            paint_category(canvas, c, seen, rng);
    }
    paint_atmosphere(canvas, rng);
    return canvas.quantised();
}

images::Image render_labelled(int thing_class, bool validation, std::uint64_t seed, std::uint64_t index,
                              int size) {
    const auto stream = labelled_stream + (static_cast<std::uint64_t>(thing_class) << 32) +
                        (validation ? 1ULL << 31 : 0) + index;
    Rng rng(seed, stream);
    Canvas canvas(size);
    paint_background(canvas, rng);
    Pose pose;
    pose.radius = rng.uniform(0.18, 0.42);
    pose.angle = 0.35 * rng.normal();
    pose.centre = free_place(rng, pose.radius, {});
    paint_thing(canvas, thing_class, pose, rng);
    paint_atmosphere(canvas, rng);
    return canvas.quantised();
}

}  // namespace cortune::datasets::simulate
