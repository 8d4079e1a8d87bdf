// SPDX-License-Identifier: BSD-3-Clause
// One subject's folder: pictures, masks, responses, truth.
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "core/parallel.hpp"
#include "datasets/mapping.hpp"
#include "datasets/simulate/files.hpp"
#include "datasets/simulate/measurement.hpp"
#include "datasets/simulate/responder.hpp"
#include "datasets/simulate/simulation.hpp"
#include "datasets/simulate/truth.hpp"
#include "datasets/whole_file.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets::simulate {
namespace {

// An image's noiseless responses in both hemispheres, and what it shows.
struct Seen {
    Scene scene;
    std::array<std::vector<float>, 2> response;
};

void write_pictures(const fs::path& folder, const SimulationOptions& o, const SubjectImages& seen,
                    const std::array<HemisphereModel, 2>& cortex, int threads, Reporter& reporter,
                    std::vector<Scene>& scenes, std::array<Responses, 2>& noiseless) {
    const std::size_t train = seen.training.size(), total = train + seen.test.size();
    const std::array<Responder, 2> responder{Responder(cortex[0]), Responder(cortex[1])};
    const auto produce = [&](std::size_t k) {
        const bool test = k >= train;
        const std::size_t i = test ? k - train : k;
        const std::uint64_t id = test ? seen.test[i] : seen.training[i],
                            seed = static_cast<std::uint64_t>(o.seed);
        Seen out{draw_scene(seed, id), {}};
        const auto picture = render_scene(out.scene, seed, id, o.image_size);
        const char* part = test ? "test" : "training";
        const char* prefix = test ? "test" : "train";
        write_file(folder / fmt::format("{}_split", part) / fmt::format("{}_images", part) /
                       fmt::format("{}-{:04}_nsd-{:05}.png", prefix, i + 1, id),
                   images::encode_png(picture));
        const FeatureMaps maps = feature_maps(picture);
        for (std::size_t side = 0; side < 2; ++side) {
            out.response[side].resize(cortex[side].vertices.size());
            responder[side].respond(out.scene, maps, out.response[side].data());
        }
        return out;
    };
    ordered_pipeline(
        total, threads, static_cast<std::size_t>(4 * threads), produce, [&](std::size_t k, Seen one) {
            for (std::size_t side = 0; side < 2; ++side)
                noiseless[side].write(static_cast<std::int64_t>(k), 0, one.response[side].data(),
                                      static_cast<std::int64_t>(one.response[side].size()));
            scenes.push_back(std::move(one.scene));
            reporter.progress("pictures", static_cast<std::int64_t>(k) + 1,
                              static_cast<std::int64_t>(total));
        });
}

void write_masks(const fs::path& folder, const HemisphereModel& model) {
    std::vector<std::int64_t> everywhere(fsaverage_vertices, 0);
    for (const Vertex& v : model.vertices) everywhere[static_cast<std::size_t>(v.fsaverage)] = 1;
    write_npy<std::int64_t>(folder / (model.name + ".all-vertices_fsaverage_space.npy"),
                            {everywhere.size()}, everywhere, staged);
    for (std::size_t c = 0; c < roi_classes; ++c) {
        std::vector<std::int64_t> challenge, surface(fsaverage_vertices, 0);
        for (const Vertex& v : model.vertices) {
            challenge.push_back(v.label[c]);
            surface[static_cast<std::size_t>(v.fsaverage)] = v.label[c];
        }
        const std::string stem = fmt::format("{}.{}", model.name, roi_class_names[c]);
        write_npy<std::int64_t>(folder / (stem + "_challenge_space.npy"), {challenge.size()}, challenge, staged);
        write_npy<std::int64_t>(folder / (stem + "_fsaverage_space.npy"), {surface.size()}, surface, staged);
    }
}

std::map<std::int64_t, std::string> mapping_of(int roi_class) {
    std::map<std::int64_t, std::string> out{{0, "Unknown"}};
    for (const auto& name : label_names(roi_class))
        out.emplace(static_cast<std::int64_t>(out.size()), name);
    return out;
}

void write_subject(const fs::path& folder, const SimulationOptions& o, int subject, int threads,
                   Reporter& reporter) {
    const fs::path train = folder / "training_split", test = folder / "test_split",
                   truth = folder / "truth";
    for (const fs::path& p : {train / "training_images", train / "training_fmri", test / "test_images",
                              test / "test_fmri", test / "noise_ceiling", folder / "roi_masks", truth})
        make_folder(p);
    const SubjectImages seen = subject_images(o, subject);
    const std::array<HemisphereModel, 2> cortex{subject_hemisphere(o, subject, 0),
                                                subject_hemisphere(o, subject, 1)};
    const auto responses = [&](std::size_t side, const fs::path& training_file, const fs::path& test_file) {
        return Responses(training_file, test_file, static_cast<std::int64_t>(seen.training.size()),
                         static_cast<std::int64_t>(seen.test.size()),
                         static_cast<std::int64_t>(cortex[side].vertices.size()));
    };
    const auto truth_of = [&](std::size_t side, const char* what) {
        const std::string stem = cortex[side].name + '_' + what;
        return responses(side, truth / (stem + "_training.npy"), truth / (stem + "_test.npy"));
    };
    std::vector<Scene> scenes;
    std::array<Responses, 2> noiseless{truth_of(0, "noiseless"), truth_of(1, "noiseless")};
    write_pictures(folder, o, seen, cortex, threads, reporter, scenes, noiseless);
    for (std::size_t c = 0; c < roi_classes; ++c)
        write_mapping_npy(folder / "roi_masks" / fmt::format("mapping_{}.npy", roi_class_names[c]),
                          mapping_of(static_cast<int>(c)));
    for (std::size_t side = 0; side < 2; ++side) {
        const std::string& h = cortex[side].name;
        write_masks(folder / "roi_masks", cortex[side]);
        Responses measured = responses(side, train / "training_fmri" / (h + "_training_fmri.npy"),
                                       test / "test_fmri" / (h + "_test_fmri.npy"));
        Responses signal = truth_of(side, "signal");
        const MeasurementOptions m{static_cast<std::uint64_t>(o.noise_seed), subject,
                                   static_cast<int>(side), o.repeats};
        const Ceilings ceilings = measure(cortex[side], noiseless[side], measured, signal, m, threads);
        noiseless[side].close(), measured.close(), signal.close();
        const std::uint64_t n = ceilings.test.size();
        write_npy<float>(test / "noise_ceiling" / (h + "_noise_ceiling.npy"), {n}, ceilings.test, staged);
        write_npy<float>(truth / (h + "_noise_ceiling_training.npy"), {n}, ceilings.training, staged);
        write_hemisphere_truth(truth, cortex[side]);
    }
    write_scene_truth(truth / "truth.json", o, subject, seen, scenes);
}

}  // namespace

void write_subjects(const fs::path& folder, const SimulationOptions& o, int threads, Reporter& reporter) {
    subject_images(o, o.subjects);  // refuses impossible counts before any work
    for (int s = 1; s <= o.subjects; ++s) {
        reporter.info(fmt::format("subject {} of {}", s, o.subjects));
        write_subject(folder / fmt::format("subj{:02}", s), o, s, threads, reporter);
    }
}

}  // namespace cortune::datasets::simulate
