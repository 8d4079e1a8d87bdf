// SPDX-License-Identifier: BSD-3-Clause
// surface-export: a quantity per vertex or voxel as a file on fsaverage or in a volume. Reads
// kinds evaluation, encoding and dataset; writes GIFTI (.func.gii), MGH or NIfTI.
#include <fmt/format.h>

#include <optional>

#include "cli/tool.hpp"
#include "core/error.hpp"
#include "core/output_file.hpp"
#include "surface/nifti_file.hpp"
#include "surface/surface_file.hpp"

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
         "any NIfTI volume of the same subject and space, as one of its ROI files; --hemi both puts the hemispheres together.",
         "Of an evaluation any array over voxels can be taken: r, r2, r_low, q_value, difference, noise_ceiling and so on, of "
         "the last model or of --model; of an encoding cv_r and alpha of the chosen layer or of --layer; of a data set "
         "noise_ceiling and, as numbers, the labels of a class (roi, with --roi-class). All ROIs are put together; where a "
         "vertex is in several whose values differ (their layers may), the first stands and the others are counted in a "
         "warning: --roi-class and --roi choose."},
    .examples = {{"accuracy of the last model of an evaluation, for Workbench",
                  "surface-export evaluation.h5 --quantity r --hemi lh -o lh.r.func.gii"},
                 {"the gain over the untuned network in early visual areas, for FreeView",
                  "surface-export evaluation.h5 --quantity difference --hemi rh --roi-class prf-visualrois -o rh.gain.mgh"},
                 {"accuracy in a subject's volume", "surface-export evaluation.h5 --quantity r --hemi both --reference lh.nsdgeneral.nii.gz -o r.nii.gz"}},
    .reads = {"FILE: a file of kind evaluation, encoding or dataset whose vertices are fsaverage's or voxels of a volume", "--reference: a NIfTI volume"},
    .writes = {"-o: GIFTI where the name ends in .gii, MGH where it ends in .mgh, NIfTI where it ends in .nii or .nii.gz"},
    .see_also = {"encode-eval(1)", "ridge-encode(1)", "cortune-info(1)"}};

void declare(CLI::App& app, Options& o) {
    app.add_option("FILE", o.file, "What to take the quantity from")->required()->type_name("FILE");
    app.add_option("--quantity", o.choice.quantity, "Name of the array")->required()->type_name("NAME");
    app.add_option("--hemi", o.choice.hemisphere, "lh, rh or, in a volume, both")->required()->check(CLI::IsMember({"lh", "rh", "both"}))->type_name("HEMI");
    app.add_option("--subject", o.choice.subject, "Subject, where the file holds several")->type_name("NAME");
    app.add_option("--roi-class", o.choice.roi_class, "ROIs of this class alone")->type_name("CLASS");
    app.add_option("--roi", o.choice.roi, "This ROI alone")->type_name("ROI");
    app.add_option("--model", o.choice.model, "Model of an evaluation, by its label; default: the last")->type_name("LABEL");
    app.add_option("--layer", o.choice.layer, "Layer of an encoding; default: the one chosen in each ROI")->type_name("NAME");
    app.add_option("--format", o.format, "gifti, mgh, nifti or, by the ending of the output, auto")
        ->check(CLI::IsMember({"auto", "gifti", "mgh", "nifti"}))->capture_default_str()->type_name("FORMAT");
    app.add_option("--reference", o.reference, "NIfTI volume that gives grid and orientation")->type_name("FILE");
}

std::string format_of(const Options& o, const std::filesystem::path& output) {
    if (o.format != "auto") return o.format;
    if (output.extension() == ".gii") return "gifti";
    if (output.extension() == ".mgh") return "mgh";
    if (output.extension() == ".nii" || output.string().ends_with(".nii.gz")) return "nifti";
    throw UsageError(output.string() + ": the ending says no format", "name it .func.gii, .mgh or .nii.gz, or give --format");
}

surface::VertexMap read(const h5::Input& file, surface::Choice choice, const surface::Place& place) {
    if (choice.hemisphere != "both") return read_vertex_map(file, choice, place);
    choice.hemisphere = "lh";
    auto left = read_vertex_map(file, choice, place);
    choice.hemisphere = "rh";
    return merge(std::move(left), read_vertex_map(file, choice, place));
}

void run(const Options& o, cli::Context& context) {
    const std::string format = format_of(o, context.output);
    const bool volume = format == "nifti";
    if (volume && o.reference.empty()) throw UsageError("a NIfTI file needs --reference", "any NIfTI volume of the subject in this space, as a ROI file");
    if (!volume && (!o.reference.empty() || o.choice.hemisphere == "both")) throw UsageError("--reference and --hemi both are of NIfTI files");
    check_output(context.output, context.overwrite);
    check_distinct({{"-o", context.output}}, {o.file, o.reference});
    const h5::Input file(o.file, {"evaluation", "encoding", "dataset"});
    std::optional<surface::NiftiReference> reference;
    if (volume) reference.emplace(o.reference);
    const surface::VertexMap map = read(file, o.choice, {volume, volume ? reference->voxels() : surface::fsaverage_vertices});
    if (map.known == 0)
        throw BadInput(fmt::format("{}: no vertex of {} has a value of '{}' here", o.file, o.choice.hemisphere, o.choice.quantity),
                       "is it that model's, or the reference's? cortune-info lists what there is");
    if (map.disagreeing > 0)
        context.warn(fmt::format("{} vertices are in several ROIs with different values; the first ROI's stand", map.disagreeing));
    if (format == "gifti") surface::write_gifti(context.output, map, context.overwrite);
    else if (format == "mgh") surface::write_mgh(context.output, map, context.overwrite);
    else reference->write(context.output, map, context.overwrite);
    context.info(fmt::format("{}: {} of {} positions known", context.output.string(), map.known, map.value.size()));
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.output = true, .threads = false}, declare, run);
}
