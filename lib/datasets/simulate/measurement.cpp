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
    // What rounding alone makes of equal values is none.
    const double rounding = 1e-9 * mean;
    const double out = n > 0 ? square / static_cast<double>(n) : 0;
    return out > rounding * rounding ? out : 0;
}

float share(double signal, double noise) {
    return signal > 0 ? static_cast<float>(signal / (signal + noise)) : 0.0F;
}

// Mean and deviation of a session's trials; a silent vertex has the scale 0.
struct Session {
    std::size_t first = 0, last = 0;
    double mean = 0, deviation = 0;
    double zscore(double value) const { return deviation > 0 ? (value - mean) / deviation : 0; }
};

Session session_of(const std::vector<double>& trial, std::size_t first, std::size_t last) {
    Session out{first, last, 0, 0};
    const auto n = static_cast<std::int64_t>(last - first);
    for (std::size_t t = first; t < last; ++t) out.mean += trial[t] / static_cast<double>(n);
    out.deviation = std::sqrt(variance(&trial[first], n));
    return out;
}

struct Plan {
    std::vector<std::int64_t> order;  // image of each trial
    std::int64_t training = 0, images = 0, sessions = 1;
    MeasurementOptions options;
};

// What is needed for one vertex after the other, images of the training set first.
struct Workspace {
    std::vector<double> noiseless, measured, signal;  // per image
    std::vector<double> trial;
};

// From the noiseless responses of one vertex to the averaged z-scores of its trials, with
// noise and without.
void measure_vertex(const Plan& plan, std::int64_t vertex, double wanted, Workspace& w,
                    float& training_ceiling, float& test_ceiling) {
    const double repeats = plan.options.repeats;
    const double noise = variance(w.noiseless.data(), plan.images) * (1 - wanted) / wanted;  // of the average
    training_ceiling = share(variance(w.noiseless.data(), plan.training), noise);
    test_ceiling = share(variance(w.noiseless.data() + plan.training, plan.images - plan.training), noise);
    Rng rng(plan.options.seed,
            (7ULL << 40) +
                (static_cast<std::uint64_t>(2 * plan.options.subject + plan.options.side) << 32) +
                static_cast<std::uint64_t>(vertex));
    const double deviation = std::sqrt(noise * repeats);
    const auto image = [&](std::size_t t) { return static_cast<std::size_t>(plan.order[t]); };
    for (std::size_t t = 0; t < w.trial.size(); ++t)
        w.trial[t] = w.noiseless[image(t)] + deviation * rng.normal();
    std::fill(w.measured.begin(), w.measured.end(), 0.0);
    std::fill(w.signal.begin(), w.signal.end(), 0.0);
    const auto sessions = static_cast<std::size_t>(plan.sessions);
    for (std::size_t s = 0; s < sessions; ++s) {
        const Session session =
            session_of(w.trial, w.trial.size() * s / sessions, w.trial.size() * (s + 1) / sessions);
        for (std::size_t t = session.first; t < session.last; ++t) {
            w.measured[image(t)] += session.zscore(w.trial[t]) / repeats;
            w.signal[image(t)] += session.zscore(w.noiseless[image(t)]) / repeats;
        }
    }
}

}  // namespace

Responses::Responses(const std::filesystem::path& training, const std::filesystem::path& test,
                     std::int64_t training_images, std::int64_t test_images, std::int64_t vertices)
    : training_(training, training_images, vertices), test_(test, test_images, vertices) {}

void Responses::write(std::int64_t image, std::int64_t vertex, const float* values, std::int64_t count) {
    const std::int64_t n = training_.rows();
    image < n ? training_.write(image, vertex, values, count) : test_.write(image - n, vertex, values, count);
}

void Responses::read(std::int64_t image, std::int64_t vertex, float* values, std::int64_t count) const {
    const std::int64_t n = training_.rows();
    image < n ? training_.read(image, vertex, values, count) : test_.read(image - n, vertex, values, count);
}

void Responses::close() { training_.close(), test_.close(); }

Ceilings measure(const HemisphereModel& model, const Responses& noiseless, Responses& measured,
                 Responses& signal, const MeasurementOptions& options, int threads) {
    const std::int64_t columns = noiseless.vertices(), n = noiseless.images();
    Plan plan{trial_order(n, options), noiseless.training_images(), n, 1, options};
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
        const auto images = static_cast<std::size_t>(n), across = static_cast<std::size_t>(width);
        // Noiseless responses are replaced by measured ones.
        std::vector<float> block(images * across), clean(images * across);
        for (std::size_t i = 0; i < images; ++i)
            noiseless.read(static_cast<std::int64_t>(i), first, &block[i * across], width);
        Workspace w{std::vector<double>(images), std::vector<double>(images), std::vector<double>(images),
                    std::vector<double>(plan.order.size())};
        for (std::size_t c = 0; c < across; ++c) {
            for (std::size_t i = 0; i < images; ++i) w.noiseless[i] = block[i * across + c];
            const auto v = static_cast<std::size_t>(first) + c;
            measure_vertex(plan, static_cast<std::int64_t>(v), model.vertices[v].noise_ceiling, w,
                           out.training[v], out.test[v]);
            for (std::size_t i = 0; i < images; ++i) {
                block[i * across + c] = static_cast<float>(w.measured[i]);
                clean[i * across + c] = static_cast<float>(w.signal[i]);
            }
        }
        for (std::size_t i = 0; i < images; ++i) {
            measured.write(static_cast<std::int64_t>(i), first, &block[i * across], width);
            signal.write(static_cast<std::int64_t>(i), first, &clean[i * across], width);
        }
    });
    return out;
}

}  // namespace cortune::datasets::simulate
