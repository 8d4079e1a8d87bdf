// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.hpp"
#include "core/parallel.hpp"
#include "datasets/simulate/files.hpp"

namespace cortune::datasets::simulate {
namespace {

// Of NSD as the Algonauts challenge gave it out.
constexpr std::int64_t nsd_pictures = 73000;
constexpr std::array<int, 8> nsd_training{9841, 9841, 9082, 8779, 9841, 9082, 9841, 8779};
constexpr std::array<int, 8> nsd_test{159, 159, 293, 395, 159, 293, 159, 395};
constexpr int most_test = 395;

std::array<int, 2> nsd_vertices(int subject) {
    if (subject == 6) return {18978, 20220};
    if (subject == 8) return {18981, 20530};
    return {19004, 20544};
}

}  // namespace

SimulationOptions preset_options(const std::string& name) {
    SimulationOptions o;
    o.preset = name;
    if (name == "tiny") {
        o.images = 120, o.test_images = 20, o.image_size = 72, o.roi_scale = 0.4;
    } else if (name == "small") {
        o.images = 1800, o.test_images = 150, o.image_size = 128, o.noise_ceiling = 0.65;
    } else if (name == "nsd") {
        o.images = nsd_training[0], o.test_images = nsd_test[0], o.image_size = 425, o.roi_scale = 14;
        o.real_counts = true;
    } else {
        throw UsageError("--preset: expected tiny, small or nsd, found " + name);
    }
    return o;
}

SubjectImages subject_images(const SimulationOptions& o, int subject) {
    const auto who = static_cast<std::size_t>((subject - 1) % 8);
    // Overrides of the counts hold for every subject.
    const bool real = o.real_counts && o.images == nsd_training[0] && o.test_images == nsd_test[0];
    const std::int64_t train = real ? nsd_training[who] : o.images,
                       test = real ? nsd_test[who] : o.test_images;
    // No picture that is a test image of one subject trains another.
    const std::int64_t reserved = real ? most_test : o.test_images, common = o.images / 10;
    const std::int64_t own = o.images - common;
    if (reserved + common + own * o.subjects > nsd_pictures)
        throw UsageError(
            fmt::format("{} subjects with {} images each need more than the {} picture ids of NSD",
                        o.subjects, o.images, nsd_pictures),
            "ask for fewer --images or --subjects");
    Rng rng(static_cast<std::uint64_t>(o.seed), 5ULL << 40);
    const auto order = rng.permutation(nsd_pictures);
    SubjectImages out;
    const auto take = [&](std::vector<std::uint64_t>& to, std::int64_t first, std::int64_t count) {
        for (std::int64_t i = first; i < first + count; ++i)
            to.push_back(static_cast<std::uint64_t>(order[static_cast<std::size_t>(i)]));
    };
    take(out.test, 0, test);
    take(out.training, reserved, std::min(common, train));
    take(out.training, reserved + common + own * (subject - 1), train - std::min(common, train));
    std::sort(out.test.begin(), out.test.end());
    std::sort(out.training.begin(), out.training.end());
    return out;
}

HemisphereModel subject_hemisphere(const SimulationOptions& o, int subject, int side) {
    CortexOptions c;
    c.scale = o.roi_scale;
    c.noise_ceiling = o.noise_ceiling;
    c.both_sides = o.both_sides;
    if (o.real_counts) c.vertices = nsd_vertices(subject)[static_cast<std::size_t>(side)];
    return draw_hemisphere(static_cast<std::uint64_t>(o.seed), subject, side, c);
}

void write_labelled(const std::filesystem::path& folder, const LabelledOptions& o, int threads,
                    Reporter& reporter) {
    const auto& names = thing_names();
    const std::size_t each =
        static_cast<std::size_t>(o.per_class) + static_cast<std::size_t>(o.validation_per_class);
    for (const char* part : {"train", "val"})
        for (const auto& name : names) make_folder(folder / part / name);
    const auto total = static_cast<std::int64_t>(names.size() * each);
    const auto draw = [&](std::size_t k) {
        const auto c = k / each, i = k % each;
        const bool validation = i >= static_cast<std::size_t>(o.per_class);
        const auto index = validation ? i - static_cast<std::size_t>(o.per_class) : i;
        const auto picture = render_labelled(static_cast<int>(c), validation,
                                             static_cast<std::uint64_t>(o.seed), index, o.image_size);
        write_file(
            folder / (validation ? "val" : "train") / names[c] / fmt::format("{:04}.png", index + 1),
            images::encode_png(picture));
        return true;
    };
    ordered_pipeline(names.size() * each, threads, 64, draw, [&](std::size_t k, bool) {
        reporter.progress("labelled pictures", static_cast<std::int64_t>(k) + 1, total);
    });
}

}  // namespace cortune::datasets::simulate
