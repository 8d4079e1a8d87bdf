// SPDX-License-Identifier: BSD-3-Clause
// Pictures without Pillow at hand (the parity test compares with it): damaged files,
// resizing against the same filter in double, folders.
#include "images/image.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>

#include "core/error.hpp"
#include "core/random.hpp"
#include "images/source.hpp"
#include "images/versions.hpp"
#include "scratch.hpp"

using namespace cortune;
using images::Image;

namespace {

Image noise(int width, int height, std::uint64_t seed) {
    Rng rng(seed);
    Image out{width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height))};
    for (auto& p : out.rgb) p = static_cast<std::uint8_t>(rng.below(256));
    return out;
}

// One axis of the triangle filter in double.
double filtered(const std::vector<double>& in, int to, int i) {
    const double scale = static_cast<double>(in.size()) / to, width = std::max(scale, 1.0);
    double sum = 0, weights = 0;
    for (std::size_t k = 0; k < in.size(); ++k) {
        const double d = std::abs((static_cast<double>(k) + 0.5 - (i + 0.5) * scale) / width);
        if (d < 1) sum += (1 - d) * in[k], weights += 1 - d;
    }
    return sum / weights;
}

void write(const std::filesystem::path& path, const std::vector<std::uint8_t>& bytes) {
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()),
                                                static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

TEST_CASE("PNG keeps pixels, and equal pixels give equal bytes") {
    const Image image = noise(33, 21, 1);
    const auto bytes = images::encode_png(image);
    CHECK(bytes == images::encode_png(image));
    const Image back = images::decode(bytes, "x.png");
    CHECK(back.width == 33);
    CHECK(back.height == 21);
    CHECK(back.rgb == image.rgb);
}

TEST_CASE("every cut of a PNG and every flipped bit is refused by name or changes nothing") {
    const Image image = noise(9, 7, 2);
    const auto whole = images::encode_png(image);
    for (std::size_t n = 0; n < whole.size(); ++n)
        CHECK_THROWS_AS(images::decode(std::span(whole).first(n), "cut.png"), BadInput);
    for (std::size_t i = 0; i < 8 * whole.size(); ++i) {
        auto damaged = whole;
        damaged[i / 8] ^= static_cast<std::uint8_t>(1u << (i % 8));
        try {
            const Image found = images::decode(damaged, "flip.png");
            CHECK(found.rgb == image.rgb);
        } catch (const BadInput& e) {
            CHECK(std::string(e.what()).find("flip.png") != std::string::npos);
        }
    }
}

TEST_CASE("resizing is the triangle filter to within the rounding of two passes") {
    for (auto [w, h, to_w, to_h] : {std::array{40, 30, 17, 11}, {8, 9, 20, 31}, {5, 40, 5, 13}, {40, 5, 13, 5}, {3, 3, 1, 1}}) {
        const Image in = noise(w, h, 3);
        const Image out = images::resize_bilinear(in, to_w, to_h);
        REQUIRE(out.rgb.size() == static_cast<std::size_t>(3 * to_w * to_h));
        double worst = 0;
        for (int c = 0; c < 3; ++c)
            for (int x = 0; x < to_w; ++x) {
                std::vector<double> column;
                for (int y = 0; y < h; ++y) {
                    std::vector<double> row;
                    for (int k = 0; k < w; ++k) row.push_back(in.rgb[static_cast<std::size_t>(3 * (y * w + k) + c)]);
                    column.push_back(filtered(row, to_w, x));
                }
                for (int y = 0; y < to_h; ++y)
                    worst = std::max(worst, std::abs(filtered(column, to_h, y) -
                                                     out.rgb[static_cast<std::size_t>(3 * (y * to_w + x) + c)]));
            }
        CHECK(worst <= 1.01);
    }
    const Image same = noise(12, 12, 4);
    CHECK(images::resize_bilinear(same, 12, 12).rgb == same.rgb);
}

TEST_CASE("a picture's identity is its size and pixels") {
    // hashlib.sha256(struct.pack("<II", 2, 1) + bytes([1, 2, 3, 4, 5, 6]))
    CHECK(images::pixel_sha256({2, 1, {1, 2, 3, 4, 5, 6}}) == "f25af82c68d29a6c012779bae23ccc6e5640b399d8b0e0b4eddb25ea7f2a61dd");
    CHECK(images::pixel_sha256({1, 2, {1, 2, 3, 4, 5, 6}}) != images::pixel_sha256({2, 1, {1, 2, 3, 4, 5, 6}}));
}

TEST_CASE("the decoders tell their versions") {
    const auto versions = images::library_versions();
    CHECK(versions.size() == 3);
    for (const auto& [name, version] : versions) {
        INFO(name << " " << version);
        CHECK(name.starts_with("lib"));
        CHECK(version.find_first_not_of("0123456789.") == std::string::npos);
        CHECK_FALSE(version.empty());
    }
}

TEST_CASE("folders list their pictures sorted, hidden and other files passed over") {
    Scratch scratch;
    std::filesystem::create_directories(scratch / "in/sub");
    const auto png = images::encode_png(noise(2, 2, 5));
    for (const char* name : {"in/b.png", "in/a.JPG", "in/sub/c.jpeg", "in/.hidden.png", "in/notes.txt"})
        write(scratch / name, png);
    const auto source = images::open_source(scratch / "in");
    CHECK(source->names() == std::vector<std::string>{"a.JPG", "b.png", "sub/c.jpeg"});
    CHECK(source->read(1) == png);
    CHECK(images::source_sha256(*source, 1) == images::source_sha256(*source, 3));
    std::filesystem::create_directories(scratch / "empty");
    CHECK_THROWS_AS(images::open_source(scratch / "empty"), BadInput);
    CHECK_THROWS_AS(images::open_source(scratch / "none"), BadInput);
    write(scratch / "text.zip", {'n', 'o'});
    CHECK_THROWS_AS(images::open_source(scratch / "text.zip"), BadInput);
}
