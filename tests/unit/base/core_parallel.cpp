// SPDX-License-Identifier: BSD-3-Clause
// The loop and the pipeline: every index once, order kept, exceptions of either side.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <mutex>
#include <set>
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

TEST_CASE("parallel_for takes more indices than an int counts") {
    std::mutex mutex;
    std::set<std::thread::id> workers;
    CHECK_THROWS_WITH(parallel_for(std::size_t{1} << 32, 2,
                                   [&](std::size_t i) {
                                       std::this_thread::sleep_for(std::chrono::milliseconds(1));
                                       std::lock_guard lock(mutex);
                                       workers.insert(std::this_thread::get_id());
                                       if (workers.size() == 2 || i > 2000) throw std::runtime_error("enough");
                                   }),
                      "enough");
    CHECK(workers.size() == 2);
}

#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("a thread that cannot be started ends the loop at once") {
    // In a child: with little address space left, the stacks of 4096 threads do not fit.
    const pid_t child = ::fork();
    if (child == 0) {
        std::size_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        const rlim_t space = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + (rlim_t{256} << 20);
        const rlimit limit{space, space};
        ::setrlimit(RLIMIT_AS, &limit);
        std::atomic<int> visited{0};
        try {
            parallel_for(2000, 4096, [&](std::size_t) {
                ++visited;
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
            });
        } catch (const std::exception&) {
            ::_exit(visited < 1000 ? 0 : 2);
        }
        ::_exit(1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}
#endif

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
