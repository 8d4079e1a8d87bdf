// SPDX-License-Identifier: BSD-3-Clause
// Ways of using the cores: loops whose order does not matter, and a pipeline
// whose results are consumed in order on the calling thread (HDF5 wants one thread).
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/interrupt.hpp"

namespace cortune {

// Calls body(i) for i in [0, n) on up to `threads` threads. The first exception is
// rethrown on the caller after all threads have stopped.
void parallel_for(std::size_t n, int threads, const std::function<void(std::size_t)>& body);
// Calls body(begin, end) for consecutive pieces of [0, n), one a thread, each of `grain` or more: for loops whose
// rounds are too short to be handed out one by one.
void parallel_pieces(std::int64_t n, std::int64_t grain, int threads, const std::function<void(std::int64_t, std::int64_t)>& body);

// produce(i) runs on worker threads, at most `window` results ahead of the
// consumer; consume(i, value) runs on the caller, i ascending. Exceptions of either
// side stop both and are rethrown on the caller.
template <class Produce, class Consume>
void ordered_pipeline(std::size_t n, int threads, std::size_t window, Produce produce,
                      Consume consume) {
    using Value = decltype(produce(std::size_t{0}));
    struct Slot {
        std::optional<Value> value;
        std::exception_ptr error;
    };
    window = std::max<std::size_t>(window, 1);
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Slot> ring(window);
    std::vector<char> ready(window, 0);
    std::size_t next = 0, consumed = 0;
    bool stop = false;

    auto work = [&] {
        for (;;) {
            std::size_t i;
            {
                std::unique_lock lock(mutex);
                changed.wait(lock, [&] { return stop || next >= n || next < consumed + window; });
                if (stop || next >= n) return;
                i = next++;
            }
            Slot slot;
            try {
                slot.value.emplace(produce(i));
            } catch (...) {
                slot.error = std::current_exception();
            }
            std::lock_guard lock(mutex);
            ring[i % window] = std::move(slot);
            ready[i % window] = 1;
            changed.notify_all();
        }
    };
    std::vector<std::jthread> pool;
    auto halt = [&] {
        std::lock_guard lock(mutex);
        stop = true;
        changed.notify_all();
    };
    try {
        for (int t = 0; t < std::max(threads, 1); ++t) pool.emplace_back(work);
        for (std::size_t i = 0; i < n; ++i) {
            Slot slot;
            {
                std::unique_lock lock(mutex);
                changed.wait(lock, [&] { return ready[i % window] != 0; });
                slot = std::move(ring[i % window]);
                ready[i % window] = 0;
                ++consumed;
                changed.notify_all();
            }
            if (slot.error) std::rethrow_exception(slot.error);
            check_interrupt();
            consume(i, std::move(*slot.value));
        }
    } catch (...) {
        halt();
        throw;
    }
}

}  // namespace cortune
