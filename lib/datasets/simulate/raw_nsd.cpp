// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/raw_nsd.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <set>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "datasets/nsd/experiment.hpp"
#include "formats/nifti.hpp"
#include "datasets/nsd/tree.hpp"
#include "datasets/simulate/files.hpp"
#include "datasets/simulate/trials.hpp"
#include "datasets/simulate/truth.hpp"
#include "datasets/whole_file.hpp"
#include "h5/foreign.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets::simulate {
namespace {

constexpr int subjects_of_nsd = 8;
constexpr double millimetres = 1.8, scale = 300;
constexpr std::int64_t trials_at_once = 25;

// Voxels of both hemispheres in one volume, lh at low x, with gaps as a mask has them.
struct Placement {
    std::array<std::int64_t, 3> grid{};
    std::array<std::vector<std::int32_t>, 2> voxel;
};

Placement place_voxels(const std::array<HemisphereModel, 2>& cortex) {
    const auto most = static_cast<std::int64_t>(std::max(cortex[0].vertices.size(), cortex[1].vertices.size())) * 5 / 4 + 1;
    // Three different lengths, so that permuted axes are noticed.
    const auto half = static_cast<std::int64_t>(std::ceil(std::cbrt(static_cast<double>(most))));
    const std::int64_t y = half + 2, z = (most + half * y - 1) / (half * y) + 1;
    Placement out{{2 * half + 1, y, z}, {}};
    for (std::size_t side = 0; side < 2; ++side)
        for (std::size_t i = 0; i < cortex[side].vertices.size(); ++i) {
            const auto p = static_cast<std::int64_t>(i) * 5 / 4;
            const std::int64_t x = p % half + static_cast<std::int64_t>(side) * (half + 1);
            out.voxel[side].push_back(static_cast<std::int32_t>(x + out.grid[0] * (p / half % y + y * (p / half / y))));
        }
    return out;
}

void write_labels(const nsd::Tree& tree, const Placement& placement, const std::array<HemisphereModel, 2>& cortex, double inverse_repeats) {
    const formats::NiftiGrid grid = formats::new_nifti_grid(placement.grid, millimetres);
    const auto voxels = static_cast<std::size_t>(grid.voxels());
    std::vector<float> ncsnr(voxels, std::numeric_limits<float>::quiet_NaN());
    for (std::size_t side = 0; side < 2; ++side) {
        const std::vector<std::int16_t> outside(voxels, -1);
        std::vector<std::int16_t> general = outside;
        std::vector<std::vector<std::int16_t>> classes(roi_classes, outside);
        for (std::size_t i = 0; i < cortex[side].vertices.size(); ++i) {
            const Vertex& v = cortex[side].vertices[i];
            const auto at = static_cast<std::size_t>(placement.voxel[side][i]);
            general[at] = 1;
            for (std::size_t c = 0; c < roi_classes; ++c) classes[c][at] = v.label[c];
            // The wanted ceiling is that of the average over the repeats.
            ncsnr[at] = static_cast<float>(std::sqrt(v.noise_ceiling / (1 - v.noise_ceiling) * inverse_repeats));
        }
        const auto write = [&](const std::string& name, std::span<const std::int16_t> values) {
            const fs::path path = tree.labels(cortex[side].name, name);
            write_file(path, formats::nifti_bytes(grid, values, name, path));
        };
        write("nsdgeneral", general);
        for (std::size_t c = 0; c < roi_classes; ++c) write(std::string(roi_class_names[c]), classes[c]);
    }
    write_file(tree.ncsnr("lh"), formats::nifti_bytes(grid, ncsnr, "ncsnr", tree.ncsnr("lh")));
    for (std::size_t c = 0; c < roi_classes; ++c) {
        std::string text = "0 Unknown\n";
        const auto& names = label_names(static_cast<int>(c));
        for (std::size_t k = 0; k < names.size(); ++k) text += fmt::format("{} {}\n", k + 1, names[k]);
        write_file(tree.label_names(std::string(roi_class_names[c])), text);
    }
}

void write_sessions(const nsd::Tree& tree, const Placement& placement, const std::array<NpyMatrix, 2>& trials, Reporter& reporter) {
    const auto& g = placement.grid;
    const auto voxels = static_cast<std::size_t>(g[0] * g[1] * g[2]);
    const std::int64_t sessions = trials[0].rows() / nsd::session_trials;
    for (std::int64_t s = 0; s < sessions; ++s) {
        check_interrupt();
        h5::ForeignOutput file(tree.session("lh", static_cast<int>(s) + 1));
        const auto x = static_cast<std::uint64_t>(g[0]), y = static_cast<std::uint64_t>(g[1]), z = static_cast<std::uint64_t>(g[2]);
        {
            auto betas = file.create<std::int16_t>("betas", {static_cast<std::uint64_t>(nsd::session_trials), z, y, x}, {1, z, y, x});
            for (std::int64_t at = 0; at < nsd::session_trials; at += trials_at_once) {
                std::vector<std::int16_t> block(static_cast<std::size_t>(trials_at_once) * voxels, 0);
                for (std::int64_t t = 0; t < trials_at_once; ++t)
                    for (std::size_t side = 0; side < 2; ++side) {
                        std::vector<float> row(placement.voxel[side].size());
                        trials[side].read(s * nsd::session_trials + at + t, 0, row.data(), static_cast<std::int64_t>(row.size()));
                        for (std::size_t v = 0; v < row.size(); ++v)
                            block[static_cast<std::size_t>(t) * voxels + static_cast<std::size_t>(placement.voxel[side][v])] =
                                static_cast<std::int16_t>(std::lround(scale * static_cast<double>(row[v])));
                    }
                betas.write_rows<std::int16_t>(static_cast<std::uint64_t>(at), static_cast<std::uint64_t>(trials_at_once), block.data());
            }
        }
        file.close();
        reporter.progress("sessions", s + 1, sessions);
    }
}

void write_subject(const fs::path& folder, const SimulationOptions& o, int subject, const std::vector<std::int64_t>& column, h5::Dataset& brick,
                   int threads, Reporter& reporter) {
    const nsd::Tree tree{folder, subject};
    const fs::path truth = folder / "truth" / tree.subject_name();
    for (const fs::path& p : {tree.betas(), tree.labels("lh", "nsdgeneral").parent_path(), tree.label_names("streams").parent_path(), truth}) make_folder(p);
    const auto pictures = pictures_of(o, subject);
    const std::array<HemisphereModel, 2> cortex{subject_hemisphere(o, subject, 0), subject_hemisphere(o, subject, 1)};
    const Placement placement = place_voxels(cortex);
    std::vector<std::int64_t> picture;
    for (const auto c : column) picture.push_back(c % static_cast<std::int64_t>(pictures.size()));
    const double inverse = mean_inverse_repeats(picture, pictures.size());
    write_labels(tree, placement, cortex, inverse);
    const auto matrix = [&](std::size_t side, const char* what, std::size_t rows) {
        return NpyMatrix(truth / fmt::format("{}_{}.npy", cortex[side].name, what), static_cast<std::int64_t>(rows),
                         static_cast<std::int64_t>(cortex[side].vertices.size()));
    };
    std::array<NpyMatrix, 2> noiseless{matrix(0, "noiseless", pictures.size()), matrix(1, "noiseless", pictures.size())};
    show_pictures(pictures, cortex, o, threads, [&](std::size_t k, const images::Image& image) { brick.write_rows<std::uint8_t>(pictures[k], 1, image.rgb.data()); },
                  noiseless, reporter);
    std::array<NpyMatrix, 2> trials{matrix(0, "trials", column.size()), matrix(1, "trials", column.size())};
    for (std::size_t side = 0; side < 2; ++side) {
        measure_trials(cortex[side], noiseless[side], picture, {subject, side, nsd::session_trials, inverse, 1 / scale}, o, threads, trials[side]);
        const std::vector<std::int64_t> voxel(placement.voxel[side].begin(), placement.voxel[side].end());
        write_npy<std::int64_t>(truth / (cortex[side].name + "_voxel.npy"), {voxel.size()}, voxel, staged);
        write_hemisphere_truth(truth, cortex[side]);
    }
    write_sessions(tree, placement, trials, reporter);
    for (std::size_t side = 0; side < 2; ++side) noiseless[side].close(), trials[side].close();
}

}  // namespace

void write_raw_nsd(const fs::path& folder, const SimulationOptions& o, int threads, Reporter& reporter) {
    if (o.subjects > subjects_of_nsd) throw UsageError(fmt::format("--layout nsd holds {} subjects at most", subjects_of_nsd));
    std::size_t columns = 0;
    for (int s = 1; s <= o.subjects; ++s) columns = std::max(columns, pictures_of(o, s).size());
    // The same for all subjects.
    const auto column = trial_order(static_cast<std::int64_t>(columns), nsd::session_trials, o);
    const nsd::Tree tree{folder, 1};
    for (const fs::path& p : {tree.design().parent_path(), tree.stimuli().parent_path()}) make_folder(p);
    std::vector<std::int64_t> order;
    for (const auto c : column) order.push_back(c + 1);
    std::vector<std::vector<std::int64_t>> pictures;
    for (int s = 1; s <= subjects_of_nsd; ++s) {
        // Subjects that are not simulated have seen what the first has.
        const auto seen = pictures_of(o, s <= o.subjects ? s : 1);
        pictures.emplace_back();
        for (std::size_t c = 0; c < columns; ++c) pictures.back().push_back(static_cast<std::int64_t>(seen[c % seen.size()]) + 1);
    }
    nsd::write_design(tree.design(), order, pictures);
    h5::ForeignOutput stimuli(tree.stimuli());
    {
        const auto side = static_cast<std::uint64_t>(o.image_size);
        auto brick = stimuli.create<std::uint8_t>("imgBrick", {static_cast<std::uint64_t>(nsd::stimuli), side, side, 3}, {1, side, side, 3});
        for (int s = 1; s <= o.subjects; ++s) {
            reporter.info(fmt::format("subject {} of {}", s, o.subjects));
            write_subject(folder, o, s, column, brick, threads, reporter);
        }
    }
    stimuli.close();
}

}  // namespace cortune::datasets::simulate
