// SPDX-License-Identifier: BSD-3-Clause
#include "core/parallel.hpp"

#include <algorithm>
#include <atomic>

namespace cortune {

void parallel_for(std::size_t n, int threads, const std::function<void(std::size_t)>& body) {
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::exception_ptr first;
    auto work = [&] {
        for (std::size_t i; (i = next.fetch_add(1)) < n;) {
            try {
                body(i);
            } catch (...) {
                std::lock_guard lock(mutex);
                if (!first) first = std::current_exception();
                next = n;
            }
        }
    };
    {
        std::vector<std::jthread> pool;
        const auto wanted = std::min(static_cast<std::size_t>(std::max(threads, 1)), n);
        try {
            for (std::size_t t = 1; t < wanted; ++t) pool.emplace_back(work);
        } catch (...) {
            next = n;  // a thread that cannot be started stops the others, too
            throw;
        }
        work();
    }
    if (first) std::rethrow_exception(first);
}

void parallel_pieces(std::int64_t n, std::int64_t grain, int threads, const std::function<void(std::int64_t, std::int64_t)>& body) {
    const std::int64_t pieces = std::clamp<std::int64_t>(n / std::max<std::int64_t>(grain, 1), 1, std::max(threads, 1));
    if (pieces == 1) return body(0, n);
    parallel_for(static_cast<std::size_t>(pieces), threads, [&](std::size_t i) {
        const auto piece = static_cast<std::int64_t>(i);
        body(n * piece / pieces, n * (piece + 1) / pieces);
    });
}

}  // namespace cortune
