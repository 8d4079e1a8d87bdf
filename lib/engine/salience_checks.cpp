// SPDX-License-Identifier: BSD-3-Clause
#include "engine/salience_checks.hpp"

#include <cmath>

#include "core/interrupt.hpp"

namespace cortune::engine {
namespace {

using torch::Tensor;

// Scores as more and more pixels are gone (deletion) or there (insertion), images × (steps + 1).
struct Curves {
    std::vector<double> deletion, insertion;
};

// place: (N, 1, H, W), a pixel's place in the order.
Curves curves_of(const SalienceNetwork& network, const Tensor& x, const Tensor& place, std::int64_t first, const double* score, const Tensor& blank) {
    const auto n = x.size(0), pixels = x.size(2) * x.size(3), points = curve_steps + 1;
    Curves out{std::vector<double>(static_cast<std::size_t>(n * points)), std::vector<double>(static_cast<std::size_t>(n * points))};
    const auto at = [&](std::int64_t i, std::int64_t k) { return static_cast<std::size_t>(i * points + k); };
    for (std::int64_t i = 0; i < n; ++i) {
        out.deletion[at(i, 0)] = out.insertion[at(i, curve_steps)] = score[i];
        out.deletion[at(i, curve_steps)] = out.insertion[at(i, 0)] = blank[i].item<double>();
    }
    for (std::int64_t k = 1; k < curve_steps; ++k) {
        check_interrupt();
        const Tensor marked = place.lt(k * pixels / curve_steps);
        const Tensor without = network.scores(x.masked_fill(marked, 0), first), alone = network.scores(x.masked_fill(marked.logical_not(), 0), first);
        for (std::int64_t i = 0; i < n; ++i) out.deletion[at(i, k)] = without[i].item<double>(), out.insertion[at(i, k)] = alone[i].item<double>();
    }
    return out;
}

Tensor places(const Tensor& maps, const Tensor& x, std::int64_t first, std::uint64_t seed) {
    const auto n = x.size(0), pixels = x.size(2) * x.size(3);
    Tensor out = torch::empty({n, 1, x.size(2), x.size(3)}, torch::kInt64);
    for (std::int64_t i = 0; i < n; ++i) {
        const auto place = salience::places_by_value(maps.data_ptr<float>() + i * pixels, pixels, seed, static_cast<std::uint64_t>(first + i));
        std::copy(place.begin(), place.end(), out.data_ptr<std::int64_t>() + i * pixels);
    }
    return out.to(x.device());
}

void append_areas(const std::vector<double>& curves, std::vector<double>& areas) {
    for (std::size_t at = 0; at < curves.size(); at += curve_steps + 1) areas.push_back(salience::area(&curves[at], curve_steps + 1));
}

}  // namespace

void check_maps(SalienceNetwork& network, const Tensor& x, const Tensor& maps, const Tensor& others, std::int64_t first, const double* score, std::int64_t seed, salience::Checks& out) {
    const auto n = x.size(0), pixels = x.size(2) * x.size(3);
    out.steps = curve_steps;
    const Tensor control = network.control_maps(x, first);
    for (std::int64_t i = 0; i < n; ++i) out.randomised.push_back(salience::rank_correlation(maps.data_ptr<float>() + i * pixels, control.data_ptr<float>() + i * pixels, pixels));
    const Tensor blank = network.blank_scores(first, n);
    const auto own = curves_of(network, x, places(maps, x, first, static_cast<std::uint64_t>(seed)), first, score, blank);
    append_areas(own.deletion, out.deletion_area), append_areas(own.insertion, out.insertion_area);
    out.deletion.insert(out.deletion.end(), own.deletion.begin(), own.deletion.end());
    out.insertion.insert(out.insertion.end(), own.insertion.begin(), own.insertion.end());
    if (!others.defined()) {
        for (auto* areas : {&out.common_deletion_area, &out.common_insertion_area}) areas->insert(areas->end(), static_cast<std::size_t>(n), std::nan(""));
        return;
    }
    const auto common = curves_of(network, x, places(others, x, first, static_cast<std::uint64_t>(seed)), first, score, blank);
    append_areas(common.deletion, out.common_deletion_area), append_areas(common.insertion, out.common_insertion_area);
}

}  // namespace cortune::engine
