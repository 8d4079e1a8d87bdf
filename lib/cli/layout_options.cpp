// SPDX-License-Identifier: BSD-3-Clause
#include "cli/layout_options.hpp"

#include "cli/ranges.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/algonauts.hpp"

namespace cortune::cli {
namespace {

int subject_number(const std::string& text) {
    if (text.empty()) throw UsageError("this layout needs --subject");
    const std::string digits = text.starts_with("subj") || text.starts_with("sub-") ? text.substr(4) : text;
    if (digits.empty() || digits.size() > 3 || digits.find_first_not_of("0123456789") != std::string::npos)
        throw UsageError("--subject '" + text + "' is no number", "write --subject 1");
    return std::stoi(digits);
}

void check_layout(const LayoutOptions& o) {
    for (const auto& [layouts, options] : o.of_layout)
        if (layouts.find(o.layout) == std::string::npos) refuse_idle(options, "with layout " + o.layout, "of layout " + layouts);
    refuse_repeated("--region", o.nod.regions);
    refuse_repeated("--roi-class", o.nsd.regions.classes);
    if (o.layout == "nod" && (o.atlas.empty() || o.atlas_names.empty()))
        throw UsageError("layout nod needs --atlas and --atlas-names", "MMP_mpmLR32k.mat and roilbl_mmp.csv are in the support files of NOD's code");
    if (o.ceiling == "file" && (o.layout == "nod" || o.layout == "table"))
        throw UsageError("--ceiling file is of layouts algonauts and nsd", "here there are repeats alone: --ceiling ncsnr");
    if (o.layout == "algonauts" && !o.ceiling.empty() && o.ceiling != "file" && o.ceiling != "none")
        throw UsageError("--ceiling " + o.ceiling + " needs repeats, which layout algonauts has averaged", "--ceiling file takes the data set's own");
    if (o.layout == "table" && !o.folder.empty()) throw UsageError("layout table takes no folder", "give the pictures by --images");
    if (o.layout != "table" && o.folder.empty()) throw UsageError("layout " + o.layout + " needs the folder of the data");
}

}  // namespace

void declare_source(App& app, LayoutOptions& o) {
    app.add_option("LAYOUT", o.layout, "algonauts, nsd, nod or table")->required()->type_name("LAYOUT")->check(
        one_of({"algonauts", "nsd", "nod", "table"}));
    app.add_option("DIR", o.folder, "Folder of the data (not with layout table)")->type_name("DIR");
    app.add_option("--subject", o.subject,
                   "algonauts, nsd, nod: number of the subject (required); table: its name, by default the first namespace")
        ->type_name("SUBJECT");
}

void declare_layouts(App& app, LayoutOptions& o) {
    const auto of = [&](const std::string& layouts, Option* option) { return o.of_layout[layouts].emplace_back(option->group("Layout " + layouts)); };
    const auto table = [&](const char* name, auto& to, const char* text, const char* type) { return of("table", app.add_option(name, to, text)->type_name(type)); };
    const auto nsd = [&](const char* name, auto& to, const char* text, const char* type) { return of("nsd", app.add_option(name, to, text)->type_name(type)); };
    const auto nod = [&](const char* name, auto& to, const char* text, const char* type) { return of("nod", app.add_option(name, to, text)->type_name(type)); };
    const auto list = [](Option* option) { option->one_a_time(); };
    list(table("--images", o.table.images, "Folder or zip archive of pictures; repeat for further sessions", "DIR|ZIP"));
    list(table("--responses", o.table.responses, "Responses to them, a matrix in NumPy's format", "FILE.npy"));
    list(table("--namespace", o.table.namespaces, "Prefix of the image ids, one per session", "NAME"));
    list(table("--names", o.table.names, "Text file, a picture's name per line: the order of the responses", "FILE"));
    list(table("--runs", o.table.runs, "Text file, the run of every row of the responses, a label per line; encode-eval exchanges images inside runs", "FILE"));
    of("table", app.add_flag("--average-repeats", o.table.average_repeats, "Lines of --names that repeat a picture are its presentations: average them"));
    of("algonauts, table, nsd or nod", app.add_option("--ceiling", o.ceiling,
                   "Noise ceiling: none, file (algonauts: noise_ceiling of the test split; nsd: ncsnr beside the betas), or, except with algonauts, from the "
                   "repeats: ncsnr, split-half or leave-one-out; by default file where it is there, else none"))
        ->check(one_of({"none", "file", "ncsnr", "split-half", "leave-one-out"}))->type_name("MODE");
    nsd("--space", o.nsd.space, "func1pt8mm, func1mm or fsaverage", "SPACE")->capture_default_str()
        ->check(one_of({"func1pt8mm", "func1mm", "fsaverage"}));
    nsd("--betas", o.nsd.preparation, "Preparation of the betas: the folder's name", "NAME")->capture_default_str();
    nsd("--voxels", o.nsd.regions.voxels, "Voxels to take: nsdgeneral, or rois, all that have a label in a ROI class", "WHICH")
        ->check(one_of({"nsdgeneral", "rois"}))->capture_default_str();
    list(nsd("--roi-class", o.nsd.regions.classes, "ROI class to take along; repeat for further ones; by default prf-visualrois, floc-* and streams", "NAME"));
    nsd("--stimuli", o.stimuli, "nsd_stimuli.hdf5, where it is not below DIR", "FILE");
    nod("--atlas", o.atlas, "MAT file with glasser_MMP, a label per brainordinate (required)", "FILE");
    nod("--atlas-names", o.atlas_names, "Table of the 180 regions' names (required)", "FILE");
    list(nod("--region", o.nod.regions, "Region to take; repeat for further ones; by default all 180", "NAME"));
    nod("--prf-best", o.nod.prf_best, "Of every region and hemisphere the N vertices of highest pRF R²", "N")->check(whole_at_least(1));
    of("nsd or nod", app.add_option("--sessions", o.sessions, "Sessions to take, as 1-10,12; by default all that are there (nod: of the first four)")
                         ->type_name("LIST"));
    of("nsd, nod or table", app.add_option("--scratch", o.scratch, "Folder for the scratch file; by default that of the output")->type_name("DIR"));
    table("--orientation", o.table.orientation, "auto, images-by-units or units-by-images", "ORDER")
        ->check(one_of({"auto", "images-by-units", "units-by-images"}))->capture_default_str();
    table("--roi-name", o.table.roi, "Name of the ROI that holds all units; by default the subject's", "NAME");
}

datasets::Plan plan_of(const LayoutOptions& o, Context& context) {
    check_layout(o);
    if (o.layout == "table") {
        datasets::TableOptions table = o.table;
        table.subject = o.subject;
        if (!o.ceiling.empty()) table.ceiling = o.ceiling;
        return datasets::table_plan(table, context);
    }
    const int subject = subject_number(o.subject);
    if (o.layout == "algonauts") return datasets::algonauts_plan(o.folder, subject, o.ceiling, context);
    const auto sessions = o.sessions.empty() ? std::vector<int>{} : parse_ranges(o.sessions, "--sessions");
    if (o.layout == "nod") {
        datasets::nod::NodOptions nod = o.nod;
        nod.root = o.folder;
        nod.subject = subject;
        nod.sessions = sessions;
        nod.atlas = o.atlas;
        nod.atlas_names = o.atlas_names;
        if (!o.ceiling.empty()) nod.ceiling = o.ceiling;
        nod.threads = context.threads;
        return datasets::nod::nod_plan(nod, context);
    }
    datasets::nsd::NsdOptions nsd = o.nsd;
    nsd.sessions = sessions;
    nsd.root = o.folder;
    nsd.subject = subject;
    nsd.ceiling = o.ceiling;
    nsd.stimuli = o.stimuli;
    nsd.threads = context.threads;
    return datasets::nsd::nsd_plan(nsd, context);
}

}  // namespace cortune::cli
