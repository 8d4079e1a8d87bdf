// SPDX-License-Identifier: BSD-3-Clause
// nsd-simulate: subjects with known models behind their responses, in the Algonauts
// 2023 layout (PNG, npy, pickled label names), as the raw NSD (HDF5, NIfTI, MAT) or as NOD
// (CIFTI, TSV, MAT), and labelled pictures by class.
// Reads nothing. Beside the data go, as truth, the noiseless responses, the ceilings, a
// summary of every vertex's model (not all its parameters) and every picture's content.
// Layouts: Gifford et al. 2023, arXiv 2301.03198; Allen et al. 2022.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/ranges.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "core/staged_folder.hpp"
#include "core/system.hpp"
#include "core/text.hpp"
#include "datasets/simulate/files.hpp"
#include "datasets/simulate/raw_nod.hpp"
#include "datasets/simulate/raw_nsd.hpp"
#include "datasets/simulate/simulation.hpp"

using namespace cortune;
namespace sim = cortune::datasets::simulate;

namespace {

struct Options {
    std::string preset = "small", layout = "algonauts", fields = "contralateral";
    int subjects = 1;
    std::optional<int> images, test_images, image_size, repeats;
    std::optional<double> noise_ceiling, roi_scale;
    std::optional<std::int64_t> noise_seed;
    std::filesystem::path labelled;
    int per_class = 100, validation_per_class = 20;
    std::vector<cli::Option*> of_subjects, of_labelled;  // without effect where the other alone is written
};

const cli::Doc doc{
    .name = "nsd-simulate",
    .summary = "simulate subjects whose responses to pictures come from known models",
    .description = {"Draws photograph-like pictures (occluding leaves with a power law of sizes, 1/f "
                    "texture, everyday "
                    "objects, and bodies, faces, places and words) and the responses of subjects who see "
                    "them. V1 to hV4 "
                    "pool oriented filters, their energies and products under receptive fields in the "
                    "contralateral half of "
                    "the picture; the body, face, place and word areas follow the presence and the "
                    "attributes of their "
                    "category. Every picture is repeated, with noise set by a wanted noise ceiling, "
                    "z-scored within sessions "
                    "and averaged.",
                    "DIR gets subj01 and so on in the layout of the Algonauts 2023 challenge, and in "
                    "subjNN/truth what is known: the noiseless responses to every picture, as the models give "
                    "them (lh_noiseless_training.npy and so on) and in the units of the data (lh_signal_*.npy: "
                    "responses = signal + noise); noise ceilings; of every vertex's model its receptive field, "
                    "preferred orientation and frequency and its category and attribute weights; and the objects "
                    "of every picture. truth.json says what each file holds. A picture depends on its NSD id and "
                    "the seed alone; a tenth of the training pictures and all official test pictures are common "
                    "to all subjects. In each hemisphere an ROI has fewer than 20 vertices and another has none.",
                    "--layout nsd writes the raw NSD instead: single-trial betas in a small volume, sessions of 750 trials (the last one is "
                    "filled, so that few pictures are shown more often than --repeats says) that differ in level and spread, nsd_expdesign.mat, the brick of stimuli, ROI labels with their names and ncsnr; "
                    "training and test pictures are not told apart. Truth is in truth/subjNN: every trial's response, the noiseless "
                    "ones, and the voxel of every vertex. --layout nod writes the Natural Object Dataset's form in the same way: betas by "
                    "run as CIFTI-2, events, pictures, a pRF fit, and an atlas per subject in supportfiles.",
                    "Presets: tiny (120 pictures of 72 pixels, seconds), small (1800 of 128), nsd (the "
                    "real counts of "
                    "pictures and vertices, 425 pixels). --labelled writes a folder of pictures by "
                    "class, 32 classes of "
                    "things without any body, face, place or word, to train a backbone on.",
                    "The same seed and options give the same bytes for any number of threads."},
    .examples = {{"a subject for a first try", "nsd-simulate -o sim --preset tiny"},
                 {"two subjects with little noise",
                  "nsd-simulate -o sim --subjects 2 --noise-ceiling 0.8"},
                 {"a raw NSD of one session", "nsd-simulate -o nsd --layout nsd --preset tiny --images 200 --test-images 50"},
                 {"pictures to train a backbone", "nsd-simulate --labelled things --per-class 400"}},
    .reads = {},
    .writes = {"DIR: Algonauts 2023 layout (PNG, npy) raw NSD (HDF5, NIfTI, MAT) or NOD (CIFTI, TSV, MAT, PNG) with truth (npy, JSON)",
               "the folder of --labelled: train/CLASS/NNNN.png and val/CLASS/NNNN.png"},
    .see_also = {"nsd-extract(1)", "cortune(5)"},
    .references = {"Gifford et al. (2023), The Algonauts Project 2023 challenge, arXiv 2301.03198",
                   "Allen et al. (2022), A massive 7T fMRI dataset, Nature Neuroscience 25",
                   "Lee, Mumford and Huang (2001), Occlusion models for natural images, IJCV 41"},
};

// What the subjects of -o follow.
void declare_subjects(cli::App& app, Options& o) {
    auto add = [&](const char* name, auto& to, const char* text, const char* type) {
        return o.of_subjects.emplace_back(app.add_option(name, to, text)->type_name(type));
    };
    add("--preset", o.preset, "tiny, small or nsd", "NAME")
        ->check(cli::one_of({"tiny", "small", "nsd"}))->capture_default_str();
    add("--layout", o.layout, "algonauts, nsd or nod", "LAYOUT")->check(cli::one_of({"algonauts", "nsd", "nod"}))->capture_default_str();
    add("--subjects", o.subjects, "Number of subjects", "N")->check(cli::whole_between(1, 99))->capture_default_str();
    add("--images", o.images, "Training pictures per subject, instead of the preset's", "N")
        ->check(cli::whole_between(2, 73000));
    add("--test-images", o.test_images, "Official test pictures, instead of the preset's", "N")
        ->check(cli::whole_between(2, 73000));
    // Labelled pictures have a size, too.
    app.add_option("--image-size", o.image_size, "Pixels on a side of every picture written")
        ->check(cli::whole_between(32, 2048))->type_name("PIXELS");
    add("--repeats", o.repeats, "Presentations of every picture, at least (3)", "N")->check(cli::whole_between(1, 100));
    add("--noise-ceiling", o.noise_ceiling,
        "Mean explainable share of variance of the averaged responses in the ROIs "
        "(tiny and nsd 0.5, small 0.65)",
        "SHARE")
        ->check(cli::between(0.02, 0.98));
    add("--roi-scale", o.roi_scale, "ROI sizes relative to preset small", "X")->check(cli::between(0.1, 14.0));
    add("--fields", o.fields, "Receptive fields in the contralateral half of the picture, or in both: a control for whatever finds sides", "WHERE")
        ->check(cli::one_of({"contralateral", "both"}))->capture_default_str();
    add("--noise-seed", o.noise_seed,
        "Seed of noise and trial order alone (that of --seed): another scan of the same subjects", "INT")
        ->check(cli::whole_at_least(0));
}

void declare_labelled(cli::App& app, Options& o) {
    auto add = [&](const char* name, auto& to, const char* text) {
        return o.of_labelled.emplace_back(app.add_option(name, to, text)->type_name("N")->capture_default_str());
    };
    app.add_option("--labelled", o.labelled, "Also, or only, write a labelled folder here")->type_name("DIR");
    add("--per-class", o.per_class, "Training pictures per class with --labelled")->check(cli::whole_between(1, 1000000));
    add("--val-per-class", o.validation_per_class, "Validation pictures per class with --labelled")
        ->check(cli::whole_between(0, 1000000));
}

void declare(cli::App& app, Options& o) {
    declare_subjects(app, o);
    declare_labelled(app, o);
}

void check_targets(const Options& o, const std::filesystem::path& output) {
    if (output.empty() && o.labelled.empty())
        throw UsageError("nothing to write: give -o DIR, --labelled DIR or both");
    if (output.empty()) cli::refuse_idle(o.of_subjects, "since nothing is written to -o", "give -o DIR, too, or leave it out");
    if (o.labelled.empty()) cli::refuse_idle(o.of_labelled, "since nothing is written to --labelled", "give --labelled DIR, too, or leave it out");
    if (!output.empty() && !o.labelled.empty() && sim::overlap(output, o.labelled))
        throw UsageError(fmt::format("-o {} and --labelled {}: the same folder, or one inside the other",
                                     output.string(), o.labelled.string()),
                         "give each a folder of its own");
}

sim::SimulationOptions chosen(const Options& o, std::int64_t seed) {
    sim::SimulationOptions s = sim::preset_options(o.preset);
    s.seed = seed;
    s.noise_seed = o.noise_seed.value_or(seed);
    s.subjects = o.subjects;
    s.images = o.images.value_or(s.images);
    s.test_images = o.test_images.value_or(s.test_images);
    s.image_size = o.image_size.value_or(s.image_size);
    s.repeats = o.repeats.value_or(s.repeats);
    s.noise_ceiling = o.noise_ceiling.value_or(s.noise_ceiling);
    s.roi_scale = o.roi_scale.value_or(s.roi_scale);
    s.both_sides = o.fields == "both";
    return s;
}

// What made the folder. Nothing in it depends on the day, the place or the threads.
void write_marker(const std::filesystem::path& folder, nlohmann::ordered_json options) {
    const nlohmann::ordered_json marker{{"format", "cortune-simulation"},
                                        {"generated_by", "nsd-simulate " + version()},
                                        {"options", std::move(options)}};
    sim::write_file(folder / sim::marker_file, marker.dump(1) + '\n');
}

bool written_here(const std::string& name) {
    static const std::vector<std::string> beginnings{"subj", "sub-", "truth", "nsddata", "derivatives", "stimuli", "supportfiles", "train", "val"};
    return std::any_of(beginnings.begin(), beginnings.end(), [&](const auto& b) { return name.starts_with(b); });
}

void run(const Options& o, cli::Context& context) {
    check_targets(o, context.output);
    const sim::SimulationOptions s = chosen(o, context.seed);
    // Both targets are claimed before the first picture is drawn.
    std::optional<StagedFolder> subjects, labelled;
    const auto stage = [&](std::optional<StagedFolder>& to, const std::filesystem::path& folder) {
        if (!folder.empty()) to.emplace(folder, context.overwrite, std::string(sim::marker_file), "a simulation", written_here);
    };
    stage(subjects, context.output), stage(labelled, o.labelled);
    if (subjects) {
        if (o.layout == "nsd") sim::write_raw_nsd(subjects->path(), s, context.threads, context);
        else if (o.layout == "nod") sim::write_raw_nod(subjects->path(), s, context.threads, context);
        else sim::write_subjects(subjects->path(), s, context.threads, context);
        write_marker(subjects->path(), {{"layout", o.layout},
                                        {"preset", s.preset},
                                        {"seed", s.seed},
                                        {"noise_seed", s.noise_seed},
                                        {"subjects", s.subjects},
                                        {"images", s.images},
                                        {"test_images", s.test_images},
                                        {"image_size", s.image_size},
                                        {"repeats", s.repeats},
                                        {"noise_ceiling", s.noise_ceiling},
                                        {"roi_scale", s.roi_scale},
                                        {"fields", o.fields}});
    }
    if (labelled) {
        // The backbone's own size, unless one is asked for.
        const sim::LabelledOptions l{context.seed, o.per_class, o.validation_per_class,
                                     o.image_size.value_or(64)};
        sim::write_labelled(labelled->path(), l, context.threads, context);
        write_marker(labelled->path(), {{"seed", l.seed},
                                        {"per_class", l.per_class},
                                        {"val_per_class", l.validation_per_class},
                                        {"image_size", l.image_size}});
    }
    if (subjects) subjects->commit();
    if (labelled) labelled->commit();
}

}  // namespace

int main(int argc, char** argv) {
    return cli::tool_main(argc, argv, doc, {.output = true, .output_optional = true, .seed = true},
                          declare, run);
}
