// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/measurement.hpp"

#include <algorithm>
#include <cmath>

#include "core/interrupt.hpp"
#include "core/parallel.hpp"

namespace cortune::datasets::simulate {
namespace {

constexpr std::int64_t block_columns = 256;

// Which image each trial shows, in the order of the trials.
std::vector<std::int64_t> trial_order(std::int64_t images, const MeasurementOptions& o) {
    Rng rng(o.seed, (6ULL << 40) + static_cast<std::uint64_t>(o.subject));
    auto order = rng.permutation(images * o.repeats);
    for (auto& t : order) t %= images;
    return order;
}

double variance(const double* v, std::int64_t n) {
    double mean = 0, square = 0;
    for (std::int64_t i = 0; i < n; ++i) mean += v[i] / static_cast<double>(n);
    for (std::int64_t i = 0; i < n; ++i) square += (v[i] - mean) * (v[i] - mean);
    return n > 0 ? square / static_cast<double>(n) : 0;
}

float share(double signal, double noise) {
    return signal > 0 ? static_cast<float>(signal / (signal + noise)) : 0.0F;
}

// Mean and deviation of the session's trials taken out; a silent vertex stays zero.
void zscore(std::vector<double>& trial, std::size_t first, std::size_t last) {
    const auto n = static_cast<std::int64_t>(last - first);
    double mean = 0;
    for (std::size_t t = first; t < last; ++t) mean += trial[t] / static_cast<double>(n);
    const double deviation = std::sqrt(variance(&trial[first], n));
    for (std::size_t t = first; t < last; ++t)
        trial[t] = deviation > 0 ? (trial[t] - mean) / deviation : 0;
}

struct Plan {
    std::vector<std::int64_t> order;  // image of each trial
    std::int64_t training = 0, images = 0, sessions = 1;
    MeasurementOptions options;
};

// One vertex: signal (images, training first) is replaced by the averaged z-scores.
void measure_vertex(const Plan& plan, std::int64_t vertex, double wanted, std::vector<double>& signal,
                    std::vector<double>& trial, float& training_ceiling, float& test_ceiling) {
    const double repeats = plan.options.repeats;
    const double noise = variance(signal.data(), plan.images) * (1 - wanted) / wanted;  // of the average
    training_ceiling = share(variance(signal.data(), plan.training), noise);
    test_ceiling = share(variance(signal.data() + plan.training, plan.images - plan.training), noise);
    Rng rng(plan.options.seed,
            (7ULL << 40) +
                (static_cast<std::uint64_t>(2 * plan.options.subject + plan.options.side) << 32) +
                static_cast<std::uint64_t>(vertex));
    const double deviation = std::sqrt(noise * repeats);
    for (std::size_t t = 0; t < trial.size(); ++t)
        trial[t] = signal[static_cast<std::size_t>(plan.order[t])] + deviation * rng.normal();
    for (std::int64_t s = 0; s < plan.sessions; ++s)
        zscore(trial,
               trial.size() * static_cast<std::size_t>(s) / static_cast<std::size_t>(plan.sessions),
               trial.size() * static_cast<std::size_t>(s + 1) / static_cast<std::size_t>(plan.sessions));
    std::fill(signal.begin(), signal.end(), 0.0);
    for (std::size_t t = 0; t < trial.size(); ++t)
        signal[static_cast<std::size_t>(plan.order[t])] += trial[t] / repeats;
}

}  // namespace

Ceilings measure(const HemisphereModel& model, const NpyMatrix& noiseless_training,
                 const NpyMatrix& noiseless_test, NpyMatrix& training, NpyMatrix& test,
                 const MeasurementOptions& options, int threads) {
    const std::int64_t columns = training.columns(), n_train = training.rows(), n = n_train + test.rows();
    Plan plan{trial_order(n, options), n_train, n, 1, options};
    plan.sessions =
        std::max<std::int64_t>(1, (n * options.repeats + session_trials / 2) / session_trials);
    Ceilings out;
    out.training.resize(static_cast<std::size_t>(columns));
    out.test.resize(static_cast<std::size_t>(columns));
    const auto blocks = static_cast<std::size_t>((columns + block_columns - 1) / block_columns);
    parallel_for(blocks, threads, [&](std::size_t b) {
        check_interrupt();
        const std::int64_t first = static_cast<std::int64_t>(b) * block_columns,
                           width = std::min(block_columns, columns - first);
        std::vector<float> block(static_cast<std::size_t>(n * width));
        for (std::int64_t i = 0; i < n; ++i)
            i < n_train
                ? noiseless_training.read(i, first, &block[static_cast<std::size_t>(i * width)], width)
                : noiseless_test.read(i - n_train, first, &block[static_cast<std::size_t>(i * width)],
                                      width);
        std::vector<double> signal(static_cast<std::size_t>(n)), trial(plan.order.size());
        for (std::int64_t c = 0; c < width; ++c) {
            for (std::int64_t i = 0; i < n; ++i)
                signal[static_cast<std::size_t>(i)] = block[static_cast<std::size_t>(i * width + c)];
            const auto v = static_cast<std::size_t>(first + c);
            measure_vertex(plan, first + c, model.vertices[v].noise_ceiling, signal, trial,
                           out.training[v], out.test[v]);
            for (std::int64_t i = 0; i < n; ++i)
                block[static_cast<std::size_t>(i * width + c)] =
                    static_cast<float>(signal[static_cast<std::size_t>(i)]);
        }
        for (std::int64_t i = 0; i < n; ++i)
            i < n_train
                ? training.write(i, first, &block[static_cast<std::size_t>(i * width)], width)
                : test.write(i - n_train, first, &block[static_cast<std::size_t>(i * width)], width);
    });
    return out;
}

}  // namespace cortune::datasets::simulate
