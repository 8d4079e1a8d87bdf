// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/raw_nod.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "formats/mat.hpp"
#include "datasets/nod/atlas.hpp"
#include "formats/cifti.hpp"
#include "datasets/nod/tree.hpp"
#include "datasets/simulate/files.hpp"
#include "datasets/simulate/trials.hpp"
#include "datasets/simulate/truth.hpp"
#include "datasets/whole_file.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets::simulate {
namespace {

constexpr std::int64_t run_trials = 100, session_runs = 10, surface_vertices = 32492;

// Numbers and names of the regions of Glasser's atlas that stand for simulated areas; the others
// are called by their number.
const std::map<int, std::string>& region_names() {
    static const std::map<int, std::string> out{{1, "V1"},  {4, "V2"},   {5, "V3"},   {6, "V4"},   {14, "RSC"}, {18, "FFC"},
                                                {22, "PIT"}, {127, "PHA3"}, {136, "TE2p"}, {156, "V4t"}, {157, "FST"}, {158, "V3CD"}};
    return out;
}

int region_of(const Vertex& v) {
    static const std::map<std::string, int> region{{"V1v", 1},   {"V1d", 1},    {"V2v", 4},  {"V2d", 4},   {"V3v", 5},  {"V3d", 5},   {"hV4", 6},
                                                   {"EBA", 156}, {"FBA-1", 157}, {"FBA-2", 157}, {"OFA", 22}, {"FFA-1", 18}, {"FFA-2", 18},
                                                   {"OPA", 158}, {"PPA", 127},  {"RSC", 14}, {"VWFA-1", 136}, {"VWFA-2", 136}};
    for (std::size_t c = 0; c < roi_classes; ++c)
        if (v.label[c] > 0)
            if (const auto found = region.find(label_names(static_cast<int>(c))[static_cast<std::size_t>(v.label[c] - 1)]); found != region.end()) return found->second;
    return 0;
}

formats::CortexModel cortex_of(const HemisphereModel& model) {
    const auto n = static_cast<std::int64_t>(model.vertices.size());
    if (n > surface_vertices) throw UsageError(fmt::format("{} vertices do not fit on a surface of {}", n, surface_vertices), "a smaller --roi-scale");
    formats::CortexModel out;
    out.surface_vertices = surface_vertices;
    for (std::int64_t i = 0; i < n; ++i) out.vertex.push_back(static_cast<std::int32_t>(i * surface_vertices / n));
    return out;
}

void write_atlas(const fs::path& folder, const std::array<HemisphereModel, 2>& cortex) {
    make_folder(folder);
    formats::MatMatrix labels{1, 0, {}};
    for (std::size_t side = 0; side < 2; ++side)
        for (const Vertex& v : cortex[side].vertices) {
            const int region = region_of(v);
            labels.value.push_back(region == 0 ? 0 : region + (side == 0 ? nod::regions : 0));
        }
    labels.columns = labels.value.size();
    formats::write_mat(folder / "MMP_mpmLR32k.mat", {{"glasser_MMP", labels}});
    std::string text;
    for (int r = 1; r <= nod::regions; ++r) {
        const auto known = region_names().find(r);
        const std::string name = known != region_names().end() ? known->second : fmt::format("P{}", r);
        text += fmt::format("L_{}_ROI,R_{}_ROI\n", name, name);
    }
    write_file(folder / "roilbl_mmp.csv", text);
}

// Angle, eccentricity and size in image widths, and as R² the wanted ceiling of an early vertex.
void write_prf(const nod::Tree& tree, const std::array<HemisphereModel, 2>& cortex) {
    std::vector<formats::CortexValues> out;
    for (const auto& model : cortex) {
        const std::size_t n = model.vertices.size();
        formats::CortexValues part{model.name, cortex_of(model), std::vector<float>(4 * n)};
        for (std::size_t i = 0; i < n; ++i) {
            const Vertex& v = model.vertices[i];
            const double x = v.centre.x - 0.5, y = 0.5 - v.centre.y;
            const double row[4] = {std::atan2(y, x), std::hypot(x, y), v.sigma, v.tuning.empty() ? v.noise_ceiling : 0.1 * v.noise_ceiling};
            for (std::size_t k = 0; k < 4; ++k) part.values[k * n + i] = static_cast<float>(row[k]);
        }
        out.push_back(std::move(part));
    }
    make_folder(tree.prf().parent_path());
    write_file(tree.prf(), formats::cifti_bytes({"angle", "eccentricity", "size", "R2"}, out));
}

void write_runs(const nod::Tree& tree, const std::array<HemisphereModel, 2>& cortex, const std::array<NpyMatrix, 2>& trials,
                const std::vector<std::int64_t>& picture, const std::vector<std::string>& names, Reporter& reporter) {
    const auto runs = static_cast<std::int64_t>(picture.size()) / run_trials;
    std::vector<std::string> maps;
    for (std::int64_t t = 1; t <= run_trials; ++t) maps.push_back(fmt::format("trial {}", t));
    for (std::int64_t run = 0; run < runs; ++run) {
        check_interrupt();
        const int session = static_cast<int>(run / session_runs) + 1, number = static_cast<int>(run % session_runs) + 1;
        std::vector<formats::CortexValues> values;
        for (std::size_t side = 0; side < 2; ++side) {
            const auto n = cortex[side].vertices.size();
            values.push_back({cortex[side].name, cortex_of(cortex[side]), std::vector<float>(static_cast<std::size_t>(run_trials) * n)});
            for (std::int64_t t = 0; t < run_trials; ++t)
                trials[side].read(run * run_trials + t, 0, values.back().values.data() + static_cast<std::size_t>(t) * n, static_cast<std::int64_t>(n));
        }
        std::string events = "onset\tduration\ttrial_type\tresponse\tresponse_time\tstim_file\n";
        for (std::int64_t t = 0; t < run_trials; ++t)
            events += fmt::format("{}\t0.5\tpicture\tn/a\tn/a\t{}\n", 4 * t, names[static_cast<std::size_t>(picture[static_cast<std::size_t>(run * run_trials + t)])]);
        for (const fs::path& p : {tree.betas(session, number), tree.events(session, number)}) make_folder(p.parent_path());
        write_file(tree.betas(session, number), formats::cifti_bytes(maps, values));
        write_file(tree.events(session, number), events);
        reporter.progress("runs", run + 1, runs);
    }
}

}  // namespace

void write_raw_nod(const fs::path& folder, const SimulationOptions& o, int threads, Reporter& reporter) {
    for (int subject = 1; subject <= o.subjects; ++subject) {
        reporter.info(fmt::format("subject {} of {}", subject, o.subjects));
        const nod::Tree tree{folder, subject};
        const fs::path truth = folder / "truth" / tree.subject_name(), stimuli = tree.stimuli() / "imagenet";
        for (const fs::path& p : {truth, stimuli}) make_folder(p);
        const std::array<HemisphereModel, 2> cortex{subject_hemisphere(o, subject, 0), subject_hemisphere(o, subject, 1)};
        write_atlas(folder / "supportfiles" / tree.subject_name(), cortex);
        const auto pictures = pictures_of(o, subject);
        const auto matrix = [&](std::size_t side, const char* what, std::size_t rows) {
            return NpyMatrix(truth / fmt::format("{}_{}.npy", cortex[side].name, what), static_cast<std::int64_t>(rows),
                             static_cast<std::int64_t>(cortex[side].vertices.size()));
        };
        std::vector<std::string> names;
        for (const auto id : pictures) names.push_back(fmt::format("imagenet/sim_{:05}.png", id));
        std::array<NpyMatrix, 2> noiseless{matrix(0, "noiseless", pictures.size()), matrix(1, "noiseless", pictures.size())};
        show_pictures(pictures, cortex, o, threads,
                      [&](std::size_t k, const images::Image& picture) { write_file(tree.stimuli() / names[k], images::encode_png(picture)); }, noiseless, reporter);
        const auto picture = trial_order(static_cast<std::int64_t>(pictures.size()), run_trials, o);
        const double inverse = mean_inverse_repeats(picture, pictures.size());
        std::array<NpyMatrix, 2> trials{matrix(0, "trials", picture.size()), matrix(1, "trials", picture.size())};
        for (std::size_t side = 0; side < 2; ++side) {
            measure_trials(cortex[side], noiseless[side], picture, {subject, side, run_trials, inverse, 0}, o, threads, trials[side]);
            write_hemisphere_truth(truth, cortex[side]);
        }
        write_prf(tree, cortex);
        write_runs(tree, cortex, trials, picture, names, reporter);
        for (std::size_t side = 0; side < 2; ++side) noiseless[side].close(), trials[side].close();
    }
}

}  // namespace cortune::datasets::simulate
