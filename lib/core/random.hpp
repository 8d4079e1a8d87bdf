// SPDX-License-Identifier: BSD-3-Clause
// Seeded random numbers that are the same on every machine and for any number of
// threads: a counter-based generator, so that stream k of seed s can be made
// anywhere without walking through the others.
#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace cortune {

// SplitMix64's output function (Steele, Lea & Flood 2014): a bijection of 64 bits
// whose outputs on consecutive inputs pass BigCrush.
constexpr std::uint64_t mix64(std::uint64_t x) noexcept {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

// Generator of one stream; satisfies UniformRandomBitGenerator.
class Rng {
  public:
    using result_type = std::uint64_t;
    explicit Rng(std::uint64_t seed, std::uint64_t stream = 0) noexcept
        : key_(mix64(mix64(seed) ^ mix64(~stream))) {}
    static constexpr result_type min() { return 0; }
    static constexpr result_type max() { return ~result_type{0}; }
    result_type operator()() noexcept { return mix64(key_ + 0x9e3779b97f4a7c15ULL * counter_++); }

    // In [0, 1).
    double uniform() noexcept { return static_cast<double>((*this)() >> 11) * 0x1p-53; }
    double uniform(double low, double high) noexcept { return low + (high - low) * uniform(); }
    // In {0, …, n − 1}; the bias of the multiplication is below n / 2^64.
    std::uint64_t below(std::uint64_t n) noexcept {
        return static_cast<std::uint64_t>((static_cast<unsigned __int128>((*this)()) * n) >> 64);
    }
    // Standard normal (Box–Muller).
    double normal() noexcept {
        if (spare_ready_) {
            spare_ready_ = false;
            return spare_;
        }
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        const double angle = 6.283185307179586476925 * uniform();
        spare_ = radius * std::sin(angle);
        spare_ready_ = true;
        return radius * std::cos(angle);
    }
    // Fisher–Yates.
    template <class T>
    void shuffle(std::vector<T>& values) noexcept {
        for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
    }
    std::vector<std::int64_t> permutation(std::int64_t n) {
        std::vector<std::int64_t> order(static_cast<std::size_t>(n));
        std::iota(order.begin(), order.end(), 0);
        shuffle(order);
        return order;
    }

  private:
    std::uint64_t key_;
    std::uint64_t counter_ = 0;
    double spare_ = 0;
    bool spare_ready_ = false;
};

}  // namespace cortune
