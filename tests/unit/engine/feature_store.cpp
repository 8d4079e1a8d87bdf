// SPDX-License-Identifier: BSD-3-Clause
#include "nn/feature_store.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <numeric>

#include "core/error.hpp"

using namespace cortune;

namespace {

float value(std::int64_t image, std::int64_t feature) { return static_cast<float>(image * 10000 + feature); }

void check_store(nn::FeatureStore& store, std::int64_t images, std::int64_t width) {
    for (std::int64_t first = 0; first < images; first += 3) {
        const auto rows = std::min<std::int64_t>(3, images - first);
        std::vector<float> block;
        for (std::int64_t r = 0; r < rows; ++r)
            for (std::int64_t f = 0; f < width; ++f) block.push_back(value(first + r, f));
        store.write(1, first, rows, block.data());
    }
    std::int64_t seen = 0;
    for (std::int64_t p = 0; p < store.panels(1); ++p) {
        std::vector<float> panel(static_cast<std::size_t>(images * store.columns(1, p)));
        store.read_panel(1, p, panel.data());
        bool equal = true;
        for (std::int64_t i = 0; i < images; ++i)
            for (std::int64_t c = 0; c < store.columns(1, p); ++c)
                equal = equal && panel[static_cast<std::size_t>(i * store.columns(1, p) + c)] == value(i, seen + c);
        CHECK(equal);
        seen += store.columns(1, p);
    }
    CHECK(seen == width);
}

}  // namespace

TEST_CASE("features come back the same from memory and from scratch") {
    const auto folder = std::filesystem::temp_directory_path();
    nn::FeatureStore resident(7, {5, 4500}, 1 << 30, folder), scratch(7, {5, 4500}, 0, folder);
    CHECK_FALSE(resident.on_disk());
    CHECK(scratch.on_disk());
    check_store(resident, 7, 4500);
    check_store(scratch, 7, 4500);
}

TEST_CASE("a scratch folder that is not there is an output error with a hint") {
    CHECK_THROWS_AS(nn::FeatureStore(7, {5}, 0, "/nonexistent/folder"), OutputError);
}
