// SPDX-License-Identifier: BSD-3-Clause
// nsd-extract: turns pictures and responses as they are distributed into one file per
// subject. Reads the raw NSD, NOD, Algonauts 2023 folders, or pictures with a NumPy matrix;
// writes kind dataset. Data: Allen et al. 2022; Gong et al. 2023; Gifford et al. 2023.
#include "cli/layout_options.hpp"
#include "cli/ranges.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "datasets/extract.hpp"
#include "datasets/plan_summary.hpp"
#include "h5/describe.hpp"

namespace {

using namespace cortune;

struct Options : cli::LayoutOptions {
    datasets::ExtractOptions extract;
    std::string test_list, check = "on";
    bool plan = false;
};

const cli::Doc doc{
    .name = "nsd-extract",
    .summary = "turn pictures and responses into a data set file",
    .description =
        {"Layout algonauts reads one subject of the Algonauts 2023 data from DIR, which holds the subjects' "
         "folders (subj01/training_split/…), is one of them, or has the older flat form "
         "(training_fmri/Subj1/…). Test images become the official test split where their responses are "
         "present; ROI masks, label names, vertex indices and noise ceilings are taken along.",
         "Layout nsd reads one subject of the raw NSD from DIR, which holds nsddata, nsddata_betas and nsddata_stimuli: the "
         "single-trial betas of the volume or of fsaverage (--space), which picture was shown when from nsd_expdesign.mat, and ROIs "
         "with their names. Trials are z-scored per voxel within session and averaged over the repeats of a picture. One session is "
         "in memory at a time; the z-scores wait in a scratch file without a name (--scratch), trials × voxels × 4 bytes, which --plan "
         "counts. The columns are numbered by the voxel, x + X (y + Y z), or by the vertex of fsaverage.",
         "Layout nod reads one subject of the Natural Object Dataset (OpenNeuro ds004496) from DIR: the ImageNet task's "
         "single-trial betas on fsLR 32k (derivatives/ciftify), the events that say which picture was shown, and the pictures below "
         "stimuli. Trials are z-scored per vertex within run. Regions are Glasser's, by --atlas and --atlas-names (MMP_mpmLR32k.mat "
         "and roilbl_mmp.csv of NOD's code); which side a vertex is on is taken from the CIFTI files, since that atlas numbers the "
         "hemispheres the other way round. --prf-best N keeps the N vertices of every region and hemisphere that the pRF model fits best.",
         "Layout table reads pictures from a folder or a zip archive (--images) and responses from a NumPy file "
         "(--responses), images × units or units × images. Rows belong to the pictures' sorted names, or to the "
         "names of --names. Several sessions of the same units are appended by giving --images, --responses and "
         "--namespace once for each. Pictures that were presented several times are averaged with --average-repeats, and "
         "--ceiling makes a noise ceiling of their agreement.",
         "Pictures are resized to a square exactly as Pillow's bilinear filter does, to the size that the network takes: 224 for "
         "AlexNet (the default), 64 for the small backbone that comes with cortune. An image is identified by "
         "<namespace>:<name> and by the SHA-256 of its decoded pixels. Whether it trains or tests depends on its id "
         "and --split-seed alone, so it is on the same side for every subject.",
         "Every extraction looks for faults: equal pictures, columns that are constant, repeated or not finite, responses "
         "that colour and orientation energy of the pictures do not predict better than those of other pictures (ROIs named V1, V2 "
         "or V3 where there are any, else all columns), and hemispheres that see the wrong half. Findings are kept in the file (/checks; cortune-info lists them) and "
         "said on stderr where they look wrong; --check=strict stops there."},
    .examples = {{"subject 1 of Algonauts 2023, pictures of 224 pixels",
                  "nsd-extract algonauts algonauts_2023 --subject 1 -o subj01.h5"},
                 {"the same for the shipped small backbone", "nsd-extract algonauts algonauts_2023 --subject 1 --size 64 -o subj01.h5"},
                 {"subject 1 of the raw NSD, first ten sessions", "nsd-extract nsd /data/nsd --subject 1 --sessions 1-10 -o subj01.h5"},
                 {"the same on fsaverage, all vertices of the usual ROIs",
                  "nsd-extract nsd /data/nsd --subject 1 --space fsaverage --voxels rois -o subj01.h5"},
                 {"NOD, the 50 best vertices of V1 to V4 in each hemisphere",
                  "nsd-extract nod ds004496 --subject 1 --atlas MMP_mpmLR32k.mat --atlas-names roilbl_mmp.csv --region V1 --region V2 "
                  "--region V3 --region V4 --prf-best 50 -o sub-01.h5"},
                 {"a recording session in a table",
                  "nsd-extract table --images images_201025.zip --responses responses_201025.npy --namespace 201025 "
                  "--size 112 -o 201025.h5"},
                 {"two sessions of the same units",
                  "nsd-extract table --images day1 --responses day1.npy --namespace day1 --images day2 --responses "
                  "day2.npy --namespace day2 -o both.h5"}},
    .reads = {"PNG and JPEG pictures in a folder or a zip archive",
              "NSD: HDF5 and MGH betas, nsd_expdesign.mat, nsd_stimuli.hdf5, NIfTI and MGZ labels, .ctab names",
              "NOD: CIFTI-2 betas and pRF fits, events.tsv, pictures, the Glasser atlas (MAT, CSV)",
              "NumPy .npy: responses, ROI masks (numbers), label names (one pickled dict, restricted unpickler)"},
    .writes = {"-o: a file of kind dataset", "standard output: the plan, with --plan"},
    .see_also = {"nsd-simulate(1)", "cl-finetune(1)", "ridge-encode(1)", "cortune(5)"},
    .references = {"Gifford et al. 2023: The Algonauts Project 2023 Challenge. arXiv 2301.03198.",
                   "Allen et al. 2022: A massive 7T fMRI dataset to bridge cognitive neuroscience and artificial intelligence. "
                   "Nature Neuroscience 25.",
                   "Gong et al. 2023: A large-scale fMRI dataset for the visual processing of naturalistic scenes. Scientific Data 10.",
                   "Glasser et al. 2016: A multi-modal parcellation of human cerebral cortex. Nature 536."}};

void declare(cli::App& app, Options& o) {
    cli::declare_source(app, o);
    app.add_option("--size", o.extract.image_size, "Width and height of the stored pictures")
        ->check(cli::whole_between(1, 4096))->capture_default_str()->type_name("PIXELS");
    auto* share = app.add_option("--test-share", o.extract.test_share, "Share of the images that are held out")
        ->check(cli::between(0.0, 1.0))->capture_default_str()->type_name("SHARE");
    auto* seed = app.add_option("--split-seed", o.extract.split_seed, "Seed of the split")
        ->check(cli::whole_at_least(0))->capture_default_str()->type_name("INT");
    app.add_option("--test-list", o.test_list,
                   "Text file of the images to hold out, an id or name per line; all others train")->type_name("FILE")
        ->excludes(share)->excludes(seed);
    app.add_flag("--normalize", o.extract.normalize,
                 "z-score every vertex with the mean and deviation of its training images");
    app.add_flag("--plan", o.plan, "Print what would be read and written, without reading pictures and responses beyond their headers, and write nothing");
    app.add_option("--check", o.check, "What to do with findings that look wrong: on (say and keep them) or strict (stop)")
        ->check(cli::one_of({"on", "strict"}))->capture_default_str()->type_name("MODE");
    app.add_flag("--allow-nan", o.extract.allow_nan, "Accept responses that are NaN or infinite");
    cli::declare_layouts(app, o);
}

void run(const Options& options, cli::Context& context) {
    if (!options.plan && context.json) throw UsageError("--json is the form of --plan");
    if (!options.plan) {
        if (context.output.empty()) throw UsageError("-o FILE is missing", "--plan alone needs none");
        h5::check_target(context.output, context.overwrite, "dataset");
    }
    const datasets::Plan plan = cli::plan_of(options, context);
    datasets::ExtractOptions extract = options.extract;
    extract.test_list = options.test_list;
    extract.scratch = options.scratch;
    extract.strict = options.check == "strict";
    extract.threads = context.threads;
    extract.overwrite = context.overwrite;
    if (options.plan) {
        const auto summary = datasets::plan_summary(plan, extract, datasets::plan_split(plan, extract, context));
        context.result(context.json ? summary.dump(2) + '\n' : h5::describe_text(summary));
        return;
    }
    datasets::extract(plan, extract, context.record(), context.output, context);
    context.info(context.output.string() + ": " + plan.header.subject + ", " + std::to_string(plan.images.size()) +
                 " images");
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.output = true, .output_optional = true, .json = true}, declare, run);
}
