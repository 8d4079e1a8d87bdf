// SPDX-License-Identifier: BSD-3-Clause
// surface-export: a quantity per vertex or voxel as a file on fsaverage or in a volume. Reads
// kinds evaluation, encoding and dataset; writes GIFTI (.func.gii), MGH, CIFTI or NIfTI.
#include <fmt/format.h>

#include <optional>
#include <vector>

#include "cli/ranges.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "core/output_file.hpp"
#include "surface/map_file.hpp"

namespace {

using namespace cortune;

struct Options {
    std::string file, reference, format = "auto";
    surface::Choice choice;
};

const cli::Doc doc{
    .name = "surface-export",
    .summary = "write a quantity per vertex or voxel as a surface or volume file",
    .description =
        {"Puts the values of one hemisphere onto fsaverage's 163,842 vertices, through the vertex indices that the file "
         "carries, and writes what FreeSurfer, Connectome Workbench, nilearn and pycortex open. Vertices of which nothing "
         "is known are NaN. Values of a volume (nsd-extract nsd) go into a NIfTI file with the grid and orientation of --reference, "
         "any NIfTI volume of the same subject and space, as one of its ROI files; values on fsLR 32k (nsd-extract nod) into a CIFTI file with the cortex of --reference, any "
         "CIFTI file of that surface. In both --hemi both puts the hemispheres together.",
         "Of an evaluation any array over voxels can be taken: r, r2, r_low, q_value, difference, noise_ceiling and so on, of "
         "the last model or of --model; of an encoding cv_r and alpha of the chosen layer or of --layer; of a data set "
         "noise_ceiling and, as numbers, the labels of a class (roi, with --roi-class). All ROIs are put together; where a "
         "vertex is in several whose values differ (their layers may), the first stands and the others are counted in a "
         "warning: --roi-class and --roi choose."},
    .examples = {{"accuracy of the last model of an evaluation, for Workbench",
                  "surface-export evaluation.h5 --quantity r --hemi lh -o lh.r.func.gii"},
                 {"the gain over the untuned network in early visual areas, for FreeView",
                  "surface-export evaluation.h5 --quantity difference --hemi rh --roi-class prf-visualrois -o rh.gain.mgh"},
                 {"accuracy in a subject's volume", "surface-export evaluation.h5 --quantity r --hemi both --reference lh.nsdgeneral.nii.gz -o r.nii.gz"},
                 {"the same on NOD's surface", "surface-export evaluation.h5 --quantity r --hemi both --reference run-1_beta.dscalar.nii -o r.dscalar.nii"}},
    .reads = {"FILE: a file of kind evaluation, encoding or dataset whose vertices are those of fsaverage or fsLR 32k, or voxels of a volume", "--reference: a NIfTI or CIFTI file"},
    .writes = {"-o: GIFTI where the name ends in .gii, MGH where it ends in .mgh, CIFTI where it ends in .dscalar.nii, NIfTI where it ends otherwise in .nii or in .nii.gz"},
    .see_also = {"encode-eval(1)", "ridge-encode(1)", "cortune-info(1)", "cortune(5)"}};

void declare(cli::App& app, Options& o) {
    app.add_option("FILE", o.file, "What to take the quantity from")->required()->type_name("FILE");
    app.add_option("--quantity", o.choice.quantity, "Name of the array")->required()->type_name("NAME");
    app.add_option("--hemi", o.choice.hemisphere, "lh, rh or, in a NIfTI or CIFTI file, both")->required()->check(cli::one_of({"lh", "rh", "both"}))->type_name("HEMI");
    app.add_option("--subject", o.choice.subject, "Subject, where the file holds several")->type_name("NAME");
    app.add_option("--roi-class", o.choice.roi_class, "ROIs of this class alone")->type_name("CLASS");
    app.add_option("--roi", o.choice.roi, "This ROI alone")->type_name("ROI");
    app.add_option("--model", o.choice.model, "Model of an evaluation, by its label; default: the last")->type_name("LABEL");
    app.add_option("--layer", o.choice.layer, "Layer of an encoding; default: the one chosen in each ROI")->type_name("NAME");
    app.add_option("--format", o.format, "gifti, mgh, cifti, nifti or, by the ending of the output, auto")
        ->check(cli::one_of({"auto", "gifti", "mgh", "cifti", "nifti"}))->capture_default_str()->type_name("FORMAT");
    app.add_option("--reference", o.reference, "NIfTI volume that gives grid and orientation, or CIFTI file that gives the cortex's vertices")->type_name("FILE");
}

std::string format_of(const Options& o, const std::filesystem::path& output) {
    if (o.format != "auto") return o.format;
    if (output.extension() == ".gii") return "gifti";
    if (output.extension() == ".mgh") return "mgh";
    if (output.string().ends_with(".dscalar.nii")) return "cifti";
    if (output.extension() == ".nii" || output.string().ends_with(".nii.gz")) return "nifti";
    throw UsageError(output.string() + ": the ending says no format", "name it .func.gii, .mgh, .dscalar.nii or .nii.gz, or give --format");
}

// What the format needs to know beside the values.
struct Target {
    std::optional<formats::NiftiGrid> volume;
    std::optional<formats::CiftiFile> cortex;
    surface::Place place(const std::string& hemisphere) const {
        if (volume) return {surface::Place::volume, volume->voxels(), formats::grid_text(volume->shape)};
        if (cortex) return {surface::Place::fslr, cortex->cortex(hemisphere).surface_vertices, {}};
        return {};
    }
};

void write(const std::string& format, const Target& target, std::vector<surface::VertexMap> maps, cli::Context& context) {
    const auto& path = context.output;
    if (target.cortex) return surface::write_cifti(path, maps, *target.cortex, context.overwrite);
    const auto map = maps.size() == 2 ? merge(std::move(maps[0]), maps[1]) : std::move(maps[0]);
    if (target.volume) surface::write_nifti(path, map, *target.volume, context.overwrite);
    else if (format == "gifti") surface::write_gifti(path, map, context.overwrite);
    else surface::write_mgh(path, map, context.overwrite);
}

// The file_sort of what is written.
std::string sort_of(const std::string& format, const std::filesystem::path& path) {
    if (format == "gifti") return "text";
    if (format == "mgh") return "mgh";
    return path.extension() == ".gz" ? "gzip" : "nifti";
}

void run(const Options& o, cli::Context& context) {
    const std::string format = format_of(o, context.output);
    const bool needs = format == "nifti" || format == "cifti";
    if (needs && o.reference.empty())
        throw UsageError("this format needs --reference", format == "nifti" ? "any NIfTI volume of the subject in this space, as a ROI file"
                                                                            : "any CIFTI file of this surface, as a run's betas");
    if (!needs && (!o.reference.empty() || o.choice.hemisphere == "both")) throw UsageError("--reference and --hemi both are of NIfTI and CIFTI files");
    h5::check_target(context.output, context.overwrite, sort_of(format, context.output));
    check_distinct({{"-o", context.output}}, {o.file, o.reference});
    const h5::Input file(o.file, {"evaluation", "encoding", "dataset"});
    file.verify();
    Target target;
    if (format == "nifti") target.volume = formats::read_nifti_grid(o.reference);
    if (format == "cifti") target.cortex.emplace(o.reference);
    std::vector<surface::VertexMap> maps;
    std::int64_t known = 0, positions = 0;
    for (const std::string h : {"lh", "rh"}) {
        if (o.choice.hemisphere != h && o.choice.hemisphere != "both") continue;
        surface::Choice choice = o.choice;
        choice.hemisphere = h;
        try {
            maps.push_back(read_vertex_map(file, choice, target.place(h)));
        } catch (const surface::NothingThere& e) {
            if (o.choice.hemisphere != "both") throw;
            context.warn(e.what());
            continue;
        }
        known += maps.back().known;
        positions += static_cast<std::int64_t>(maps.back().value.size());
        if (maps.back().disagreeing > 0)
            context.warn(fmt::format("{}: {} vertices are in several ROIs with different values; the first ROI's stand", h, maps.back().disagreeing));
    }
    if (maps.empty()) throw BadInput(fmt::format("{}: nothing of either hemisphere", o.file), "cortune-info lists what it has");
    if (known == 0)
        throw BadInput(fmt::format("{}: no vertex of {} has a value of '{}' here", o.file, o.choice.hemisphere, o.choice.quantity),
                       "is it that model's, or the reference's? cortune-info lists what there is");
    if (maps[0].optimistic)
        context.warn(o.file + ": optimistic; GIFTI, CIFTI and NIfTI files say so in the map's name, MGH files cannot");
    write(format, target, std::move(maps), context);
    context.info(fmt::format("{}: {} of {} positions known", context.output.string(), known, positions));
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.output = true, .threads = false}, declare, run);
}
