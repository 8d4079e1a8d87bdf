// SPDX-License-Identifier: BSD-3-Clause
// Dataset files: what is written is read, regions are found by name, and files whose
// parts do not fit each other are refused.
#include "datasets/dataset.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "core/error.hpp"
#include "scratch.hpp"

using namespace cortune;
using namespace cortune::datasets;

namespace {

constexpr int image_count = 10, size = 4, vertices = 6;

h5::Record record() {
    h5::Record out;
    out.tool = "unit-test";
    return out;
}

ImageTable table() {
    ImageTable out;
    for (int i = 0; i < image_count; ++i) {
        out.id.push_back("t:" + std::to_string(i));
        out.split.push_back(i == 9 ? Split::official_test : i % 3 ? Split::train : Split::test);
        out.repeats.push_back(i % 4);
    }
    return out;
}

Hemisphere hemisphere(const std::string& name) {
    return {name,
            {3, 5, 8, 9, 20, 21},
            "fsaverage",
            {{"prf-visualrois", {1, 1, 2, 0, 2, 0}, {1, 2, 7}, {"V1v", "V1d", "hV4"}},
             {"streams", {5, 0, 1, 1, 1, 0}, {1, 5}, {"early", "V1v"}}},
            {.1f, .2f, .3f, .4f, .5f, .6f}};
}

float response(std::int64_t image, std::int64_t vertex) { return static_cast<float>(100 * image + vertex); }

void write(const std::filesystem::path& path, const ImageTable& list, std::vector<Hemisphere> parts) {
    DatasetHeader header{"subj01", "algonauts", "t", size, 3, 0.25};
    DatasetWriter writer(path, record(), false, header, list, parts);
    std::vector<std::uint8_t> pixels(image_count * size * size * 3);
    std::iota(pixels.begin(), pixels.end(), std::uint8_t{0});
    writer.write_pixels(0, 6, pixels.data());
    writer.write_pixels(6, 4, pixels.data() + 6 * size * size * 3);
    std::vector<float> rows(image_count * vertices);
    for (int i = 0; i < image_count; ++i)
        for (int v = 0; v < vertices; ++v) rows[static_cast<std::size_t>(i * vertices + v)] = response(i, v);
    for (const auto& part : parts) writer.write_responses(part.name, 0, image_count, rows.data());
    writer.write_sha256(std::vector<std::string>(image_count, std::string(64, 'a')));
    writer.commit();
}

}  // namespace

TEST_CASE("a data set comes back as it was written") {
    Scratch scratch;
    write(scratch / "d.h5", table(), {hemisphere("lh"), hemisphere("rh")});
    const DatasetFile file(scratch / "d.h5");
    CHECK(file.header().subject == "subj01");
    CHECK(file.header().image_size == size);
    CHECK(file.header().test_share == 0.25);
    CHECK(file.header().split_rule == "hash");
    CHECK(file.images().id == table().id);
    CHECK(file.images().split == table().split);
    CHECK(file.images().repeats == table().repeats);
    CHECK(file.images().sha256.at(3) == std::string(64, 'a'));
    REQUIRE(file.hemispheres().size() == 2);
    const Hemisphere& rh = file.hemisphere("rh");
    CHECK(rh.vertex == hemisphere("rh").vertex);
    CHECK(rh.space == "fsaverage");
    CHECK(rh.noise_ceiling == hemisphere("rh").noise_ceiling);
    REQUIRE(rh.roi_classes.size() == 2);
    CHECK(rh.roi_classes[0].name == "prf-visualrois");
    CHECK(rh.roi_classes[0].label == hemisphere("rh").roi_classes[0].label);
    CHECK(rh.roi_classes[1].label_name == std::vector<std::string>{"early", "V1v"});
    CHECK(file.rows(Split::test) == std::vector<std::int64_t>{0, 3, 6});
    CHECK(file.rows(Split::official_test) == std::vector<std::int64_t>{9});
    std::vector<std::uint8_t> pixels(2 * size * size * 3);
    file.read_pixels(6, 2, pixels.data());
    CHECK(pixels[0] == static_cast<std::uint8_t>(6 * size * size * 3));
}

TEST_CASE("responses in any order of rows and columns") {
    Scratch scratch;
    write(scratch / "d.h5", table(), {hemisphere("lh")});
    const DatasetFile file(scratch / "d.h5");
    const std::vector<std::int64_t> rows{7, 0, 1, 2, 9, 7}, columns{5, 0};
    const auto found = file.responses("lh", rows, columns);
    REQUIRE(found.size() == 12);
    for (std::size_t r = 0; r < rows.size(); ++r)
        for (std::size_t c = 0; c < 2; ++c) CHECK(found[2 * r + c] == response(rows[r], columns[c]));
    CHECK(file.responses("lh", {}, columns).empty());
    CHECK_THROWS_AS(file.responses("lh", std::vector<std::int64_t>{10}, columns), std::out_of_range);
}

TEST_CASE("regions by name") {
    Scratch scratch;
    write(scratch / "d.h5", table(), {hemisphere("lh"), hemisphere("rh")});
    const DatasetFile file(scratch / "d.h5");
    using Columns = std::vector<std::int64_t>;
    CHECK(file.roi("lh", "", "V1d").column == Columns{2, 4});
    CHECK(file.roi("lh", "", "V1d").roi_class == "prf-visualrois");
    CHECK(file.roi("lh", "prf-visualrois", "V1d+V1v").column == Columns{0, 1, 2, 4});
    CHECK(file.roi("lh", "", "V1v+V1d").roi_class == "prf-visualrois");  // one class has both
    CHECK(file.roi("lh", "streams", "V1v").column == Columns{0});
    CHECK(file.roi("rh", "", "all").column.size() == vertices);
    CHECK(file.roi("rh", "", "all").roi_class == "all");
    CHECK_THROWS_AS(file.roi("lh", "", "V1v"), UsageError);        // two classes have it
    CHECK_THROWS_AS(file.roi("lh", "", "V1d+early"), UsageError);  // a class of each
    CHECK_THROWS_WITH(file.roi("lh", "prf-visualrois", "hV4"), Catch::Contains("empty"));
    CHECK_THROWS_WITH(file.roi("lh", "", "v1D"), Catch::Contains("unknown ROI 'v1D'; known: V1d, "));
    CHECK_THROWS_WITH(file.roi("lh", "", "V1d+hV5"), Catch::Contains("unknown ROI 'hV5'; known: hV4, "));
    CHECK_THROWS_WITH(file.roi("lh", "stream", "early"), Catch::Contains("unknown ROI class 'stream'; known: streams, "));
    CHECK_THROWS_WITH(file.roi("all", "", "V1v"), Catch::Contains("no hemisphere 'all'; known: lh, rh"));
    CHECK(file.rois().size() == 8);  // hV4 is empty in both
}

TEST_CASE("ids that occur twice and a file without hashes are not written") {
    Scratch scratch;
    ImageTable twice = table();
    twice.id[4] = twice.id[2];
    CHECK_THROWS_WITH(write(scratch / "d.h5", twice, {hemisphere("lh")}), Catch::Contains("'t:2' occurs twice"));
    {
        DatasetWriter writer(scratch / "e.h5", record(), false, {"s", "table", "t", size, 0, .1}, table(), {hemisphere("all")});
        CHECK_THROWS_AS(writer.commit(), std::logic_error);
    }
    CHECK(scratch.entries() == 0);
}

TEST_CASE("parts that do not fit each other are refused") {
    Scratch scratch;
    const auto path = scratch / "d.h5";
    // Replaces one data set of a good file by another of the same name.
    auto refused = [&](const char* name, const std::vector<std::string>& dims, const char* text) {
        std::filesystem::remove(path);
        write(path, table(), {hemisphere("lh")});
        {
            h5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
            h5::Node root(h5::Handle(H5Gopen2(file.get(), "/", H5P_DEFAULT)), "test:/");
            H5Ldelete(root.id(), name, H5P_DEFAULT);
            if (!dims.empty()) root.create<float>(name, dims, {"another"});
        }
        CHECK_THROWS_AS(DatasetFile(path), BadInput);
        CHECK_THROWS_WITH(DatasetFile(path), Catch::Contains(name) && Catch::Contains(text));
    };
    refused("response_lh", {"vertex_lh", "image"}, "expected (10, 6), found (6, 10)");
    refused("pixels", {"image", "y", "x"}, "expected (10, 4, 4, 3), found (10, 4, 4)");
    refused("split", {"y"}, "expected (10,), found (4,)");
    refused("sha256", {"y"}, "expected (10,)");
    refused("noise_ceiling_lh", {"image"}, "expected (6,), found (10,)");
    refused("roi_lh_streams", {"image"}, "expected (6,), found (10,)");
    refused("vertex_lh", {}, "missing");
}

TEST_CASE("values that nothing writes are refused") {
    Scratch scratch;
    const auto path = scratch / "d.h5";
    // What the reader says of a good file that was changed behind the writer's back.
    auto answer = [&](auto change) -> std::string {
        std::filesystem::remove(path);
        write(path, table(), {hemisphere("lh"), hemisphere("rh")});
        {
            h5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
            h5::Node root(h5::Handle(H5Gopen2(file.get(), "/", H5P_DEFAULT)), "test:/");
            change(root);
        }
        try {
            DatasetFile file(path);
            return "accepted, split by " + file.header().split_rule;
        } catch (const BadInput& e) {
            return e.what();
        }
    };
    auto replaced = [](h5::Node& root, const char* name) -> h5::Node& {
        H5Ldelete(root.id(), name, H5P_DEFAULT);
        return root;
    };
    auto says = [](const std::string& text) { return Catch::Contains("d.h5:/" + text); };
    using Strings = std::vector<std::string>;
    CHECK(answer([](h5::Node&) {}) == "accepted, split by hash");
    CHECK(answer([](h5::Node& r) { r.attr("split_rule", "list"); }) == "accepted, split by list");
    CHECK(answer([](h5::Node& r) { H5Adelete(r.id(), "split_rule"); }) == "accepted, split by hash");
    CHECK_THAT(answer([](h5::Node& r) { r.attr("split_rule", "dice"); }),
               says(": attribute 'split_rule': expected hash or list"));
    for (std::int32_t side : {3, -1, 256})
        CHECK_THAT(answer([&](h5::Node& r) {
                       replaced(r, "split").put("split", {"image"}, std::vector<std::int32_t>(image_count, side), {"split"});
                   }),
                   says("split: expected 0, 1 or 2"));
    CHECK_THAT(answer([&](h5::Node& r) { replaced(r, "image").scale("image", Strings(image_count, "t:1"), {"id"}); }),
               says("image: image 't:1' occurs twice"));
    for (const std::string& hash : {std::string(63, 'a'), std::string(64, 'g'), std::string(64, 'A'), std::string()})
        CHECK_THAT(answer([&](h5::Node& r) {
                       replaced(r, "sha256").put_strings("sha256", {"image"}, Strings(image_count, hash), {"hash"});
                   }),
                   says("sha256: expected 64"));
    for (double share : {-.1, 1.1, std::nan("")})
        CHECK_THAT(answer([&](h5::Node& r) { r.attr("test_share", share); }),
                   says(": attribute 'test_share': expected 0 to 1"));
    for (int side : {0, -4, 65536})
        CHECK_THAT(answer([&](h5::Node& r) { r.attr("image_size", side); }), says(": attribute 'image_size' is"));
    CHECK_THAT(answer([](h5::Node& r) { r.attr("image_size", size + 1); }), says("pixels: expected (10, 5, 5, 3)"));

    CHECK_THAT(answer([](h5::Node& r) { r.attr("hemispheres", Strings{"lh"}); }), says("vertex_rh: a hemisphere that"));
    CHECK_THAT(answer([](h5::Node& r) { r.attr("hemispheres", Strings{"lh", "rh", "all"}); }), says("vertex_all"));
    CHECK_THAT(answer([](h5::Node& r) { r.attr("hemispheres", Strings{"lh", "rh", "lh"}); }),
               says(": attribute 'hemispheres': expected lh, rh or all, each once"));
    CHECK_THAT(answer([](h5::Node& r) { r.attr("hemispheres", Strings{"lh", "rh", "up"}); }),
               says(": attribute 'hemispheres': expected lh, rh or all, each once"));
    CHECK_THAT(answer([](h5::Node& r) { r.attr("hemispheres", Strings{}); }),
               says(": attribute 'hemispheres' names none"));

    auto labels = [&](const std::vector<std::int64_t>& values, const Strings& names) {
        return answer([&](h5::Node& r) {
            r.dataset("roi_lh_streams").attr("label_values", values);
            r.dataset("roi_lh_streams").attr("label_names", names);
        });
    };
    CHECK_THAT(labels({1, 5, 6}, {"early", "V1v"}), says("roi_lh_streams: 3 label_values, 2 label_names"));
    CHECK_THAT(labels({1, 5}, {"early", "early"}),
               says("roi_lh_streams: attribute 'label_names': 'early' occurs twice"));
    CHECK_THAT(labels({5, 5}, {"early", "V1v"}), says("roi_lh_streams: attribute 'label_values': 5 occurs twice"));
    CHECK_THAT(labels({1, 65537}, {"early", "V1v"}),
               says("roi_lh_streams: attribute 'label_values': 65537 is no label"));

    auto ceiling = [&](float value) {
        return answer([&](h5::Node& r) {
            replaced(r, "noise_ceiling_rh")
                .put("noise_ceiling_rh", {"vertex_rh"}, std::vector<float>(vertices, value), {"ceiling"});
        });
    };
    for (float value : {50.f, -.01f, HUGE_VALF}) CHECK_THAT(ceiling(value), says("noise_ceiling_rh: expected 0 to 1"));
    CHECK(ceiling(NAN) == "accepted, split by hash");
}
