// SPDX-License-Identifier: BSD-3-Clause
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/error.hpp"
#include "datasets/simulate/files.hpp"
#include "datasets/simulate/simulation.hpp"

using namespace cortune;
using namespace cortune::datasets::simulate;
namespace fs = std::filesystem;

namespace {

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
        StagedFolder part(tmp.path / "out", false);
        write_file(part.path() / "file", "x");
    }
    CHECK(fs::is_empty(tmp.path));
    {
        StagedFolder part(tmp.path / "out", false);
        write_file(part.path() / marker_file, "{}");
        part.commit();
    }
    CHECK(fs::exists(tmp.path / "out" / marker_file));
    CHECK_THROWS_AS(StagedFolder(tmp.path / "out", false), OutputError);
    {
        StagedFolder part(tmp.path / "out", true);
        write_file(part.path() / "new", "x");
        part.commit();
    }
    CHECK(fs::exists(tmp.path / "out" / "new"));
    // Without the marker it might be anyone's folder: never replaced.
    CHECK_THROWS_AS(StagedFolder(tmp.path / "out", true), OutputError);
    CHECK_THROWS_AS(StagedFolder(tmp.path / "absent" / "out", false), OutputError);
}
