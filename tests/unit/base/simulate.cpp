// SPDX-License-Identifier: BSD-3-Clause
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "core/error.hpp"
#include "core/staged_folder.hpp"
#include "datasets/simulate/files.hpp"
#include "datasets/simulate/measurement.hpp"
#include "datasets/simulate/responder.hpp"
#include "datasets/simulate/simulation.hpp"

using namespace cortune;
using namespace cortune::datasets::simulate;
namespace fs = std::filesystem;

namespace {

struct Staged : StagedFolder {
    Staged(const fs::path& target, bool overwrite) : StagedFolder(target, overwrite, std::string(marker_file), "a simulation", [](const std::string& name) { return name != "mine.txt"; }) {}
};

struct Folder {
    fs::path path = fs::temp_directory_path() / ("cortune_simulate_" + std::to_string(::getpid()));
    Folder() { fs::remove_all(path), fs::create_directories(path); }
    ~Folder() { fs::remove_all(path); }
};

// Mid-grey with a grating of 12 cycles whose bars lie along `orientation` × 30°.
images::Image grating(int orientation) {
    images::Image out{128, 128, std::vector<std::uint8_t>(3 * 128 * 128)};
    const double angle = pi * orientation / orientations;
    for (int y = 0; y < 128; ++y)
        for (int x = 0; x < 128; ++x)
            for (int c = 0; c < 3; ++c)
                out.rgb[static_cast<std::size_t>(3 * (128 * y + x) + c)] = static_cast<std::uint8_t>(
                    128 +
                    100 * std::sin(2 * pi * 12 / 128.0 * (-std::sin(angle) * x + std::cos(angle) * y)));
    return out;
}

}  // namespace

TEST_CASE("a scene depends on the seed and the id alone", "[simulate]") {
    const auto one = render_scene(draw_scene(3, 17), 3, 17, 64),
               again = render_scene(draw_scene(3, 17), 3, 17, 64);
    CHECK(one.rgb == again.rgb);
    CHECK(one.rgb != render_scene(draw_scene(3, 18), 3, 18, 64).rgb);
    CHECK(one.rgb != render_scene(draw_scene(4, 17), 4, 17, 64).rgb);
}

TEST_CASE("each category appears in about a quarter of the scenes", "[simulate]") {
    std::array<int, categories> count{};
    int none = 0;
    for (std::uint64_t id = 0; id < 4000; ++id) {
        const Scene scene = draw_scene(0, id);
        int shown = 0;
        for (std::size_t c = 0; c < categories; ++c)
            if (scene.category[c].visibility > 0) ++count[c], ++shown;
        none += shown == 0;
        const std::size_t objects = scene.things.size() + static_cast<std::size_t>(shown);
        REQUIRE(objects >= 1);
        REQUIRE(objects <= 3);
    }
    for (const int n : count) CHECK(n / 4000.0 == Approx(0.25).margin(0.03));
    CHECK(none / 4000.0 == Approx(0.22).margin(0.03));
}

TEST_CASE("no thing class carries the name of a category", "[simulate]") {
    const auto& names = thing_names();
    CHECK(std::set<std::string>(names.begin(), names.end()).size() == 32);
    for (const auto& name : names)
        for (const auto category : category_names) CHECK(name.find(category) == std::string::npos);
}

TEST_CASE("filters of an orientation answer most to gratings of it", "[simulate]") {
    for (int o = 0; o < orientations; ++o) {
        const FeatureMaps maps = feature_maps(grating(o));
        std::array<float, orientations> energy{};
        for (int k = 0; k < orientations; ++k)
            energy[static_cast<std::size_t>(k)] = maps.channel(energy_channel + k)[16 * map_size + 16];
        CHECK(std::max_element(energy.begin(), energy.end()) - energy.begin() == o);
    }
}

TEST_CASE("an early vertex answers to its units' maps under its receptive field", "[simulate]") {
    FeatureMaps maps{std::vector<float>(static_cast<std::size_t>(channels) * map_size * map_size)};
    for (std::size_t i = 0; i < maps.value.size(); ++i) maps.value[i] = static_cast<float>((i * 7919) % 1000) / 1000;
    HemisphereModel model{"lh", {}};
    // In the middle, small between two cells, in a corner, beyond the edge, over everything, and none at all.
    const double fields[][3] = {{.5, .5, .08}, {.77, .31, .03}, {.99, .02, .1}, {1.02, .9, .05}, {.4, .6, .5}, {.2, .3, .1}};
    for (const auto& [x, y, sigma] : fields) {
        Vertex v;
        v.centre = {x, y}, v.sigma = sigma, v.low_level = 1.3;
        if (model.vertices.size() < 5) v.units = {{3, .7}, {channels - 1, -.1}, {40, .2}};
        model.vertices.push_back(v);
    }
    std::vector<float> found(model.vertices.size());
    Responder(model).respond(Scene{}, maps, found.data());
    for (std::size_t i = 0; i < found.size(); ++i) {
        const Vertex& v = model.vertices[i];
        const double s = v.sigma * map_size, cx = v.centre.x * map_size - .5, cy = v.centre.y * map_size - .5;
        const auto weight = [&](int at, double centre) {
            return at < static_cast<int>(centre - 2.2 * s) || at > static_cast<int>(centre + 2.2 * s) + 1 ? 0 : std::exp(-.5 * (at - centre) * (at - centre) / (s * s));
        };
        double sum = 0, mass = 0;
        for (int y = 0; y < map_size; ++y)
            for (int x = 0; x < map_size; ++x) {
                mass += weight(x, cx) * weight(y, cy);
                for (const Unit& u : v.units) sum += u.weight * weight(x, cx) * weight(y, cy) * static_cast<double>(maps.channel(u.channel)[y * map_size + x]);
            }
        // float32 weights and sums along a row of up to 32
        CHECK(static_cast<double>(found[i]) == Approx(2.6 * std::pow(std::max(0., sum / mass), .7)).epsilon(1e-5));
    }
    CHECK(found[5] == 0);
}

TEST_CASE("receptive fields lie in the contralateral half and grow along the areas", "[simulate]") {
    for (const int side : {0, 1}) {
        const HemisphereModel model = draw_hemisphere(0, 1, side, {});
        std::array<double, 8> size{};
        std::array<int, 8> count{};
        for (const Vertex& v : model.vertices) {
            const auto label = static_cast<std::size_t>(v.label[0]);
            if (label == 0) continue;
            CHECK((side == 0 ? v.centre.x > 0.5 : v.centre.x < 0.5));
            if (label == 1) CHECK(v.centre.y < 0.5);  // ventral V1: upper field
            if (label == 2) CHECK(v.centre.y > 0.5);
            size[label] += v.sigma, ++count[label];
        }
        CHECK(size[7] / count[7] > 1.5 * size[1] / count[1]);
    }
}

TEST_CASE("regions have unequal sizes, one small, one empty, and overlap", "[simulate]") {
    const HemisphereModel model = draw_hemisphere(0, 1, 0, {});
    const auto size = [&](std::size_t c, int label) {
        return std::count_if(model.vertices.begin(), model.vertices.end(),
                             [&](const Vertex& v) { return v.label[c] == label; });
    };
    CHECK(size(0, 1) == 56);
    CHECK(size(1, 4) == 0);
    CHECK(size(4, 5) == 8);
    CHECK(std::any_of(model.vertices.begin(), model.vertices.end(),
                      [](const Vertex& v) { return v.label[1] && v.label[2]; }));
    CHECK(std::all_of(model.vertices.begin(), model.vertices.end(),
                      [](const Vertex& v) { return v.label[5] > 0; }));
    CHECK(std::is_sorted(model.vertices.begin(), model.vertices.end(),
                         [](const Vertex& l, const Vertex& r) { return l.fsaverage < r.fsaverage; }));
}

TEST_CASE("at every scale a hemisphere has a region that is too small to be tuned to") {
    const auto sizes = [](int subject, int side, double scale) {
        std::map<std::pair<std::size_t, int>, int> out;
        for (const Vertex& v : draw_hemisphere(0, subject, side, {.scale = scale}).vertices)
            for (std::size_t c = 0; c + 1 < roi_classes; ++c)
                if (v.label[c] > 0) ++out[{c, v.label[c]}];
        return out;
    };
    for (const double scale : {0.1, 0.4, 1.0, 5.0, 14.0})
        for (const int subject : {1, 2, 8})
            for (const int side : {0, 1}) {
                INFO(scale << " " << subject << " " << side);
                const auto found = sizes(subject, side, scale);
                const auto small =
                    std::count_if(found.begin(), found.end(), [](const auto& s) { return s.second < 20; });
                CHECK(small >= 1);
                if (scale >= 5) CHECK(small == 1);
            }
    // Preset tiny is as it was.
    const auto tiny = sizes(1, 0, 0.4);
    CHECK(tiny.at({4, 5}) == 3);
    CHECK(tiny.at({0, 1}) == 22);
    CHECK(sizes(1, 1, 0.4).at({1, 4}) == 2);
    CHECK(sizes(1, 0, 14).at({0, 1}) == 14 * 56);
}

TEST_CASE("subjects share test images and a tenth of the others", "[simulate]") {
    SimulationOptions o = preset_options("small");
    o.subjects = 2;
    const SubjectImages one = subject_images(o, 1), two = subject_images(o, 2);
    CHECK(one.test == two.test);
    std::vector<std::uint64_t> common;
    std::set_intersection(one.training.begin(), one.training.end(), two.training.begin(),
                          two.training.end(), std::back_inserter(common));
    CHECK(common.size() == 180);
    common.clear();
    std::set_intersection(one.training.begin(), one.training.end(), one.test.begin(), one.test.end(),
                          std::back_inserter(common));
    CHECK(common.empty());
    const SimulationOptions nsd = [] {
        auto p = preset_options("nsd");
        p.subjects = 8;
        return p;
    }();
    CHECK(subject_images(nsd, 4).training.size() == 8779);
    o.subjects = 99;
    CHECK_THROWS_AS(subject_images(o, 1), UsageError);
}

TEST_CASE("preset nsd has the real numbers of vertices", "[simulate]") {
    const SimulationOptions o = preset_options("nsd");
    CHECK(subject_hemisphere(o, 1, 0).vertices.size() == 19004);
    CHECK(subject_hemisphere(o, 8, 1).vertices.size() == 20530);
}

TEST_CASE("a staged folder appears whole or not at all", "[simulate]") {
    const Folder tmp;
    {
        Staged part(tmp.path / "out", false);
        write_file(part.path() / "file", "x");
    }
    CHECK(fs::is_empty(tmp.path));
    {
        Staged part(tmp.path / "out", false);
        write_file(part.path() / marker_file, "{}");
        part.commit();
    }
    CHECK(fs::exists(tmp.path / "out" / marker_file));
    CHECK_THROWS_AS(Staged(tmp.path / "out", false), OutputError);
    {
        Staged part(tmp.path / "out", true);
        write_file(part.path() / "new", "x");
        part.commit();
    }
    CHECK(fs::exists(tmp.path / "out" / "new"));
    // Without the marker it might be anyone's folder: never replaced.
    CHECK_THROWS_AS(Staged(tmp.path / "out", true), OutputError);
    CHECK_THROWS_AS(Staged(tmp.path / "absent" / "out", false), OutputError);
}

TEST_CASE("a folder that appears meanwhile is not replaced", "[simulate]") {
    const Folder tmp;
    {
        Staged part(tmp.path / "out", false);
        write_file(part.path() / "new", "x");
        fs::create_directory(tmp.path / "out");
        std::ofstream(tmp.path / "out" / "precious") << "x";
        CHECK_THROWS_WITH(part.commit(), Catch::Contains("out: cannot be written (File exists)"));
    }
    CHECK(fs::exists(tmp.path / "out" / "precious"));
    CHECK_FALSE(fs::exists(tmp.path / "out" / "new"));
    CHECK(std::distance(fs::directory_iterator(tmp.path), fs::directory_iterator()) == 1);
}

TEST_CASE("equal and nested folders are told, however they are written", "[simulate]") {
    const Folder tmp;
    fs::create_directory(tmp.path / "real");
    fs::create_symlink(tmp.path / "real", tmp.path / "link");
    const auto meet = [&](const char* a, const char* b) {
        CHECK(overlap(tmp.path / a, tmp.path / b) == overlap(tmp.path / b, tmp.path / a));
        return overlap(tmp.path / a, tmp.path / b);
    };
    CHECK(meet("sim", "sim"));
    CHECK(meet("sim", "sim/"));
    CHECK(meet("sim", "./x/../sim"));
    CHECK(meet("sim", "sim/labels"));
    CHECK(meet("real", "link"));
    CHECK(meet("real", "link/labels"));
    CHECK(meet("sim", ""));
    CHECK_FALSE(meet("sim", "sim2"));
    CHECK_FALSE(meet("a/sim", "b/sim"));
    CHECK(overlap("sim", fs::current_path() / "sim" / "x"));
}

TEST_CASE("measured responses are signal and noise, the signal in their units", "[simulate]") {
    const Folder tmp;
    constexpr std::int64_t train = 400, test = 100, images = train + test;
    HemisphereModel model{"lh", std::vector<Vertex>(3)};
    const std::array<double, 3> wanted{0.2, 0.5, 0.9};
    for (std::size_t v = 0; v < 3; ++v) model.vertices[v].noise_ceiling = wanted[v];
    const auto open = [&](const std::string& name) {
        return Responses(tmp.path / (name + "_training.npy"), tmp.path / (name + "_test.npy"), train, test, 3);
    };
    Responses noiseless = open("noiseless"), measured = open("measured"), signal = open("signal");
    Rng rng(1);
    for (std::int64_t i = 0; i < images; ++i) {
        // The third vertex is silent.
        const std::array<float, 3> r{static_cast<float>(5 + 2 * rng.normal()), static_cast<float>(rng.normal()), 4};
        noiseless.write(i, 0, r.data(), 3);
    }
    const Ceilings ceilings = measure(model, noiseless, measured, signal, {1, 1, 0, 3}, 2);
    for (std::int64_t v = 0; v < 3; ++v) {
        double s = 0, m = 0, ss = 0, sm = 0, mm = 0, n = images;
        for (std::int64_t i = 0; i < images; ++i) {
            float clean = 0, noisy = 0;
            signal.read(i, v, &clean, 1), measured.read(i, v, &noisy, 1);
            s += clean, m += noisy, ss += clean * clean, sm += clean * noisy, mm += noisy * noisy;
        }
        const double var_s = ss / n - s * s / n / n, var_m = mm / n - m * m / n / n, cov = sm / n - s * m / n / n;
        if (v == 2) {
            CHECK(ss == 0);
            CHECK(mm == 0);
            continue;
        }
        const double c = wanted[static_cast<std::size_t>(v)];
        CHECK(ceilings.training[static_cast<std::size_t>(v)] == Approx(c).margin(0.03));
        CHECK(cov / std::sqrt(var_s * var_m) == Approx(std::sqrt(c)).margin(0.06));
        // Were the units others, the slope would not be 1.
        CHECK(cov / var_s == Approx(1).margin(0.15));
        CHECK(std::abs(s / n) < 0.05);
    }
}
