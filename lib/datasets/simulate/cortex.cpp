// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/cortex.hpp"

#include <algorithm>
#include <cmath>

namespace cortune::datasets::simulate {
namespace {

enum Stream : std::int16_t { early = 1, midventral, midlateral, midparietal, ventral, lateral, parietal };

// A region: where it is listed, what drives it, its size in preset small (one below 20
// and one empty in each hemisphere), what it shares with a region named before it, and
// whether it never grows beyond that size, so that every simulation has a region too small
// to be tuned to.
struct Area {
    int roi_class;
    std::int16_t label;
    Stream stream;
    int stage;  // 1–4: V1–hV4; 0: a category area
    int field;  // −1 upper, +1 lower, 0 both halves of the visual field
    Category category;
    std::array<int, 2> size;
    std::array<int, 3> attribute;  // of the category, that the area follows most
    int shared_with = -1;          // index of the area, or −1
    double share = 0;
    bool stays_small = false;
};

constexpr Category none = Category::body;  // unused where stage > 0
constexpr std::array<Area, 24> areas{{
    {0, 1, early, 1, -1, none, {56, 60}, {}},
    {0, 2, early, 1, 1, none, {52, 56}, {}},
    {0, 3, early, 2, -1, none, {48, 50}, {}},
    {0, 4, early, 2, 1, none, {44, 46}, {}},
    {0, 5, early, 3, -1, none, {38, 40}, {}},
    {0, 6, early, 3, 1, none, {36, 38}, {}},
    {0, 7, midventral, 4, 0, none, {50, 54}, {}},
    {1, 1, lateral, 0, 0, Category::body, {64, 72}, {0, 1, 2}},
    {1, 2, ventral, 0, 0, Category::body, {24, 30}, {2, 4, 5}},
    {1, 3, ventral, 0, 0, Category::body, {26, 28}, {1, 3, 4}},
    {1, 4, ventral, 0, 0, Category::body, {0, 6}, {0, 3, 5}, -1, 0, true},
    {2, 1, lateral, 0, 0, Category::face, {28, 34}, {0, 1, 5}, 7, 0.2},
    {2, 2, ventral, 0, 0, Category::face, {32, 42}, {3, 4, 5}, 8, 0.3},
    {2, 3, ventral, 0, 0, Category::face, {24, 26}, {1, 2, 4}, 9, 0.3},
    {2, 4, ventral, 0, 0, Category::face, {0, 8}, {0, 2, 3}},
    {2, 5, ventral, 0, 0, Category::face, {10, 12}, {2, 3, 5}},
    {3, 1, lateral, 0, 0, Category::place, {36, 40}, {1, 3, 4}},
    {3, 2, ventral, 0, 0, Category::place, {54, 58}, {0, 1, 4}},
    {3, 3, parietal, 0, 0, Category::place, {26, 30}, {0, 2, 5}},
    {4, 1, lateral, 0, 0, Category::word, {22, 20}, {1, 3, 5}, 11, 0.2},
    {4, 2, ventral, 0, 0, Category::word, {40, 30}, {0, 1, 3}},
    {4, 3, ventral, 0, 0, Category::word, {28, 24}, {0, 2, 4}},
    {4, 4, ventral, 0, 0, Category::word, {14, 10}, {1, 2, 5}},
    {4, 5, ventral, 0, 0, Category::word, {8, 0}, {0, 4, 5}, -1, 0, true},
}};

// Units of the four stages: V1 energies, linear cells and colour; later ones more
// and more products.
int draw_channel(Rng& rng, int stage, int orientation) {
    const double u = rng.uniform();
    const int o =
        (orientation + (rng.uniform() < 0.7 ? 0 : 1 + static_cast<int>(rng.below(5)))) % orientations;
    // Fine and middle scales in V1, all in V2 and V3, middle and coarse in hV4.
    const int s = stage == 1   ? rng.uniform() < 0.7
                  : stage == 4 ? 1 + static_cast<int>(rng.below(2))
                               : static_cast<int>(rng.below(3));
    const double products = stage == 1 ? 0 : stage == 2 ? 0.6 : stage == 3 ? 0.75 : 0.9;
    if (u < products) {
        if (rng.uniform() < 0.35) return contour_channel + o + (rng.uniform() < 0.5 ? 0 : orientations);
        const int kind = rng.uniform() < 0.65 ? o : orientations + o % 3;
        return corner_channel + s * corners_per_scale + kind;
    }
    const double rest = rng.uniform();
    if (rest < (stage == 4 ? 0.5 : 0.1)) return colour_channel + static_cast<int>(rng.below(4));
    if (rest < 0.25 && stage == 1) return linear_channel + s * orientations + o;
    return energy_channel + s * orientations + o;
}

void draw_receptive_field(Vertex& v, Rng& rng, int side, int stage, int field) {
    const double growth = stage == 1 ? 1 : stage == 2 ? 1.3 : stage == 3 ? 1.7 : 2.2;
    const double eccentricity = 0.05 + 0.38 * std::sqrt(rng.uniform());
    // Angle from the horizontal meridian, slightly beyond the half field's borders.
    double angle = (field == 0 ? rng.uniform(-1, 1) : field * rng.uniform(0.02, 1)) * 0.48 * pi;
    if (stage == 0) angle *= 0.6;
    v.side = side == 0 ? 1 : -1;
    v.centre = {0.5 + v.side * (0.03 + eccentricity * std::cos(angle)),
                0.5 + eccentricity * std::sin(angle)};
    v.sigma = growth * (0.055 + 0.1 * eccentricity);
}

void make_early(Vertex& v, Rng& rng, int side, int stage, int field) {
    draw_receptive_field(v, rng, side, stage, field);
    // The later a stage, the fewer combinations its voxels share.
    constexpr std::array<std::uint64_t, 5> kinds{40, 60, 24, 14, 10};
    const int preferred = static_cast<int>(rng.below(orientations));
    const std::size_t units = 2 + rng.below(3);
    for (std::size_t k = 0; k < units; ++k) {
        Rng kind(0x5eedULL + static_cast<std::uint64_t>(stage),
                 rng.below(kinds[static_cast<std::size_t>(stage)]));
        const int channel = stage < 2
                                ? draw_channel(rng, stage, preferred)
                                : draw_channel(kind, stage, static_cast<int>(kind.below(orientations)));
        v.units.push_back({channel, (k == 0 ? 1.0 : 0.5) * rng.uniform(0.7, 1.3)});
    }
    v.low_level = 1;
}

// Every area follows three attributes of its category and little of the others, so
// that its voxels share a space of few dimensions.
Tuning draw_tuning(Rng& rng, Category category, const std::array<int, 3>& focus) {
    Tuning t;
    t.category = category;
    // Places fill the picture: their presence is easy to tell, so it weighs less.
    t.presence = (category == Category::place ? 0.5 : 0.8) + 0.25 * rng.normal();
    for (std::size_t k = 0; k < attributes; ++k) {
        const bool followed = std::find(focus.begin(), focus.end(), static_cast<int>(k)) != focus.end();
        t.linear[k] = (followed ? 0.85 : 0.1) * rng.normal();
        t.folded[k] = (followed ? 0.3 : 0) * rng.normal();
    }
    t.product_a = focus[1];
    t.product_b = focus[2];
    t.product = 0.5 * rng.normal();
    return t;
}

void make_higher(Vertex& v, Rng& rng, int side, Category category, const std::array<int, 3>& focus) {
    if (v.tuning.empty()) {
        make_early(v, rng, side, 0, 0);
        v.sigma = rng.uniform(0.16, 0.26);
        v.low_level = 0.2 * rng.uniform();
    }
    v.tuning.push_back(draw_tuning(rng, category, focus));
}

double draw_ceiling(Rng& rng, double mean) {
    const double logit = std::log(mean / (1 - mean)) + 0.55 * rng.normal();
    return std::clamp(1 / (1 + std::exp(-logit)), 0.02, 0.97);
}

// Vertices outside every ROI: weak early fields or weak mixtures, little signal.
Vertex unlabelled(Rng& rng, int side, double mean_ceiling) {
    Vertex v;
    const int stream = 1 + static_cast<int>(rng.below(7));
    v.label[5] = static_cast<std::int16_t>(stream);
    make_early(v, rng, side, stream == early ? 1 + static_cast<int>(rng.below(3)) : 4, 0);
    if (stream >= midlateral)
        v.tuning.push_back(draw_tuning(rng, static_cast<Category>(rng.below(categories)), {0, 1, 2}));
    v.noise_ceiling = draw_ceiling(rng, 0.35 * mean_ceiling);
    return v;
}

int scaled(const Area& area, int side, double scale, double individual) {
    const int n = area.size[static_cast<std::size_t>(side)];
    const double growth = area.stays_small ? std::min(scale, 1.0) : scale;
    return n == 0 ? 0 : std::max(2, static_cast<int>(std::lround(n * growth * individual)));
}

// Every field in either half, from draws of their own: the rest of a vertex stays as it was.
void scatter_sides(std::vector<Vertex>& vertices, Rng rng) {
    for (auto& v : vertices)
        if (rng.uniform() < 0.5) v.side = -v.side, v.centre.x = 1 - v.centre.x;
}

void place_on_surface(std::vector<Vertex>& vertices, Rng& rng) {
    rng.shuffle(vertices);
    // Ascending random indices without a draw per surface vertex being stored.
    std::size_t left = vertices.size(), next = 0;
    for (std::int32_t i = 0; i < fsaverage_vertices && left > 0; ++i)
        if (rng.uniform() * (fsaverage_vertices - i) < static_cast<double>(left)) {
            vertices[next++].fsaverage = i;
            --left;
        }
}

}  // namespace

const std::vector<std::string>& label_names(int roi_class) {
    static const std::array<std::vector<std::string>, roi_classes> names{{
        {"V1v", "V1d", "V2v", "V2d", "V3v", "V3d", "hV4"},
        {"EBA", "FBA-1", "FBA-2", "mTL-bodies"},
        {"OFA", "FFA-1", "FFA-2", "mTL-faces", "aTL-faces"},
        {"OPA", "PPA", "RSC"},
        {"OWFA", "VWFA-1", "VWFA-2", "mfs-words", "mTL-words"},
        {"early", "midventral", "midlateral", "midparietal", "ventral", "lateral", "parietal"},
    }};
    return names[static_cast<std::size_t>(roi_class)];
}

HemisphereModel draw_hemisphere(std::uint64_t seed, int subject, int side, const CortexOptions& options) {
    Rng rng(seed, (4ULL << 40) + static_cast<std::uint64_t>(2 * subject + side));
    HemisphereModel model{side == 0 ? "lh" : "rh", {}};
    auto& vertices = model.vertices;
    std::array<std::size_t, areas.size()> first{};
    for (std::size_t a = 0; a < areas.size(); ++a) {
        const Area& area = areas[a];
        const double individual = subject == 1 ? 1 : rng.uniform(0.8, 1.2);
        const int size = scaled(area, side, options.scale, individual);
        const int shared = area.shared_with < 0 ? 0 : static_cast<int>(area.share * size);
        first[a] = vertices.size();
        for (int i = 0; i < size; ++i) {
            const bool join = i < shared;
            if (!join) vertices.emplace_back();
            Vertex& v = join ? vertices[first[static_cast<std::size_t>(area.shared_with)] +
                                        static_cast<std::size_t>(i)]
                             : vertices.back();
            v.label[static_cast<std::size_t>(area.roi_class)] = area.label;
            if (join)
                v.low_level *= 0.5;
            else
                v.label[5] = area.stream, v.noise_ceiling = draw_ceiling(rng, options.noise_ceiling);
            if (area.stage > 0)
                make_early(v, rng, side, area.stage, area.field);
            else
                make_higher(v, rng, side, area.category, area.attribute);
        }
    }
    const auto wanted = std::max(static_cast<std::size_t>(options.vertices),
                                 vertices.size() + static_cast<std::size_t>(60 * options.scale) + 1);
    if (options.vertices > 0 && vertices.size() > static_cast<std::size_t>(options.vertices))
        vertices.resize(static_cast<std::size_t>(options.vertices));
    while (vertices.size() < (options.vertices > 0 ? static_cast<std::size_t>(options.vertices) : wanted))
        vertices.push_back(unlabelled(rng, side, options.noise_ceiling));
    if (options.both_sides) scatter_sides(vertices, Rng(seed, (10ULL << 40) + static_cast<std::uint64_t>(2 * subject + side)));
    place_on_surface(vertices, rng);
    return model;
}

}  // namespace cortune::datasets::simulate
