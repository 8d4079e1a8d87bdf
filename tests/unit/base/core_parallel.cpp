// SPDX-License-Identifier: BSD-3-Clause
// The loop and the pipeline: every index once, order kept, exceptions of either side.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "core/parallel.hpp"

using namespace cortune;

TEST_CASE("parallel_for visits every index once") {
    for (int threads : {1, 2, 5}) {
        std::vector<std::atomic<int>> seen(1000);
        parallel_for(seen.size(), threads, [&](std::size_t i) { ++seen[i]; });
        for (const auto& s : seen) REQUIRE(s == 1);
    }
    parallel_for(0, 4, [](std::size_t) { FAIL("nothing to visit"); });
    CHECK_THROWS_WITH(parallel_for(100, 4,
                                   [](std::size_t i) {
                                       if (i == 50) throw std::runtime_error("fifty");
                                   }),
                      "fifty");
}

TEST_CASE("ordered_pipeline keeps the order and its window") {
    for (int threads : {0, 1, 4}) {
        for (std::size_t window : {0, 1, 3}) {
            std::size_t expected = 0;
            std::atomic<std::size_t> consumed{0}, widest{0};
            ordered_pipeline(
                200, threads, window,
                [&](std::size_t i) {
                    const std::size_t ahead = i - consumed + 1;
                    if (ahead > widest) widest = ahead;
                    if (i % 17 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
                    return i * i;
                },
                [&](std::size_t i, std::size_t value) {
                    REQUIRE(i == expected);
                    REQUIRE(value == i * i);
                    ++expected;
                    ++consumed;
                });
            CHECK(expected == 200);
            // One more is in the consumer's hands, counted as consumed only afterwards.
            CHECK(widest <= std::max<std::size_t>(window, 1) + 1);
        }
    }
    ordered_pipeline(
        0, 2, 2, [](std::size_t i) { return i; }, [](std::size_t, std::size_t) { FAIL(); });
}

TEST_CASE("ordered_pipeline rethrows a producer's exception in its turn") {
    std::size_t reached = 0;
    CHECK_THROWS_WITH(ordered_pipeline(
                          1000, 3, 4,
                          [](std::size_t i) {
                              if (i == 20) throw std::runtime_error("twenty");
                              return i;
                          },
                          [&](std::size_t i, std::size_t) { reached = i; }),
                      "twenty");
    CHECK(reached == 19);
}

TEST_CASE("ordered_pipeline stops its workers when the consumer throws") {
    std::atomic<std::size_t> produced{0};
    CHECK_THROWS_WITH(ordered_pipeline(
                          100000, 3, 4, [&](std::size_t i) { return ++produced, i; },
                          [](std::size_t i, std::size_t) {
                              if (i == 5) throw std::runtime_error("five");
                          }),
                      "five");
    CHECK(produced <= 16);
}
