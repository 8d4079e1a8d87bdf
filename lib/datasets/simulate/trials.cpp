// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/trials.hpp"

#include <algorithm>
#include <cmath>

#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "core/random.hpp"
#include "datasets/simulate/responder.hpp"

namespace cortune::datasets::simulate {
namespace {

constexpr std::int64_t trial_columns = 256;

// One vertex's trials.
void measure_vertex(const std::vector<double>& noiseless, const std::vector<std::int64_t>& picture, double wanted, const TrialOptions& options, Rng rng,
                    std::vector<float>& trial) {
    double mean = 0, square = 0;
    const auto n = static_cast<double>(noiseless.size());
    for (const double v : noiseless) mean += v / n;
    for (const double v : noiseless) square += (v - mean) * (v - mean) / n;
    const double signal = std::sqrt(square), noise = signal * std::sqrt((1 - wanted) / wanted / options.inverse_repeats), unit = std::hypot(signal, noise);
    for (std::size_t t = 0; t < trial.size(); ++t) {
        const double session = static_cast<double>(t / static_cast<std::size_t>(options.session));
        const double z = unit > 0 ? (noiseless[static_cast<std::size_t>(picture[t])] - mean + noise * rng.normal()) / unit : 0;
        const double percent = 0.5 + 0.2 * std::sin(session) + (1.5 + 0.1 * std::cos(session)) * z;
        trial[t] = static_cast<float>(options.step > 0 ? std::round(percent / options.step) * options.step : percent);
    }
}

}  // namespace

std::vector<std::uint64_t> pictures_of(const SimulationOptions& o, int subject) {
    const SubjectImages seen = subject_images(o, subject);
    std::vector<std::uint64_t> out = seen.training;
    out.insert(out.end(), seen.test.begin(), seen.test.end());
    std::sort(out.begin(), out.end());
    return out;
}

std::vector<std::int64_t> trial_order(std::int64_t pictures, std::int64_t session, const SimulationOptions& o) {
    const std::int64_t trials = (pictures * o.repeats + session - 1) / session * session;
    Rng rng(static_cast<std::uint64_t>(o.noise_seed), 8ULL << 40);
    auto out = rng.permutation(trials);
    for (auto& t : out) t %= pictures;
    return out;
}

double mean_inverse_repeats(const std::vector<std::int64_t>& picture, std::size_t pictures) {
    std::vector<double> shown(pictures, 0);
    for (const auto p : picture) ++shown[static_cast<std::size_t>(p)];
    double sum = 0;
    for (const double n : shown) sum += 1 / n;
    return sum / static_cast<double>(pictures);
}

void show_pictures(const std::vector<std::uint64_t>& pictures, const std::array<HemisphereModel, 2>& cortex, const SimulationOptions& o, int threads,
                   const std::function<void(std::size_t, const images::Image&)>& take, std::array<NpyMatrix, 2>& noiseless, Reporter& reporter) {
    struct Seen {
        images::Image picture;
        std::array<std::vector<float>, 2> response;
    };
    const auto seed = static_cast<std::uint64_t>(o.seed);
    const std::array<Responder, 2> responder{Responder(cortex[0]), Responder(cortex[1])};
    const auto produce = [&](std::size_t k) {
        const Scene scene = draw_scene(seed, pictures[k]);
        Seen out{render_scene(scene, seed, pictures[k], o.image_size), {}};
        const FeatureMaps maps = feature_maps(out.picture);
        for (std::size_t side = 0; side < 2; ++side) {
            out.response[side].resize(cortex[side].vertices.size());
            responder[side].respond(scene, maps, out.response[side].data());
        }
        return out;
    };
    ordered_pipeline(pictures.size(), threads, static_cast<std::size_t>(4 * threads), produce, [&](std::size_t k, Seen one) {
        take(k, one.picture);
        for (std::size_t side = 0; side < 2; ++side)
            noiseless[side].write(static_cast<std::int64_t>(k), 0, one.response[side].data(), static_cast<std::int64_t>(one.response[side].size()));
        reporter.progress("pictures", static_cast<std::int64_t>(k) + 1, static_cast<std::int64_t>(pictures.size()));
    });
}

void measure_trials(const HemisphereModel& model, const NpyMatrix& noiseless, const std::vector<std::int64_t>& picture, const TrialOptions& options,
                    const SimulationOptions& o, int threads, NpyMatrix& trials) {
    const std::int64_t columns = noiseless.columns();
    parallel_for(static_cast<std::size_t>((columns + trial_columns - 1) / trial_columns), threads, [&](std::size_t b) {
        check_interrupt();
        const std::int64_t first = static_cast<std::int64_t>(b) * trial_columns, width = std::min(trial_columns, columns - first);
        const auto across = static_cast<std::size_t>(width), pictures = static_cast<std::size_t>(noiseless.rows());
        std::vector<float> clean(pictures * across), block(picture.size() * across), trial(picture.size());
        for (std::size_t i = 0; i < pictures; ++i) noiseless.read(static_cast<std::int64_t>(i), first, &clean[i * across], width);
        std::vector<double> column(pictures);
        for (std::size_t c = 0; c < across; ++c) {
            const auto vertex = static_cast<std::uint64_t>(first) + c;
            for (std::size_t i = 0; i < pictures; ++i) column[i] = static_cast<double>(clean[i * across + c]);
            const Rng rng(static_cast<std::uint64_t>(o.noise_seed), (9ULL << 40) + ((static_cast<std::uint64_t>(2 * options.subject) + options.side) << 32) + vertex);
            measure_vertex(column, picture, model.vertices[vertex].noise_ceiling, options, rng, trial);
            for (std::size_t t = 0; t < trial.size(); ++t) block[t * across + c] = trial[t];
        }
        for (std::size_t t = 0; t < picture.size(); ++t) trials.write(static_cast<std::int64_t>(t), first, &block[t * across], width);
    });
}

}  // namespace cortune::datasets::simulate
