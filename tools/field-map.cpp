// SPDX-License-Identifier: BSD-3-Clause
// field-map: where in the picture voxels' predicted responses come from. Reads pictures, a model and an encoding of it with
// weights; writes kind fields.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/ranges.hpp"
#include "cli/row.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "core/hash.hpp"
#include "core/output_file.hpp"
#include "core/system.hpp"
#include "datasets/npy.hpp"
#include "engine/engine.hpp"

namespace {

using namespace cortune;

struct Options {
    engine::FieldJob job;
    std::vector<std::string> truth;
};

const cli::Doc doc{
    .name = "field-map",
    .summary = "map the receptive fields of predicted responses",
    .description =
        {"For every voxel of an encoding with weights (ridge-encode --save-weights) that is predicted with a cross-validated r of at least --least-r, the mean over the pictures of the squared gradient of its predicted response with respect "
         "to the picture: how much a change there would change it. Its centre is that of what lies above half of the map's largest value. One forward pass a batch serves all voxels, and each takes a backward one: hundreds of pictures are plenty, and --pictures takes the first of many.",
         "--true-fields gives centres that are known (a simulation's, or a pRF fit's): the correlation of x and of y with them (95 % by drawing voxels, which share pictures and components: rather too narrow), the share of centres in the half of the picture where "
         "the known one is, and the median distance; for every region, and for all together, where the two hemispheres alone make a high correlation of x. A map shows where the prediction comes from, not where the "
         "voxel's receptive field is: the two agree as far as the encoding is right."},
    .examples = {{"from an encoding to fields", "ridge-encode subj01.h5 untuned.h5 --save-weights -o enc.h5 && field-map subj01.h5 untuned.h5 enc.h5 --roi-class prf-visualrois --split test -o fields.h5"},
                 {"against a simulation's truth", "field-map subj01.h5 untuned.h5 enc.h5 --roi V1v --true-fields lh=sim/subj01/truth/lh_receptive_field.npy --true-fields rh=sim/subj01/truth/rh_receptive_field.npy -o fields.h5"}},
    .reads = {"IMAGES: a file of kind dataset, a folder or a zip archive of PNG and JPEG files", "MODEL: a file of kind model, safetensors, or a torchvision .pth", "ENCODING: a file of kind encoding of that network, with weights",
              "--true-fields: npy, a row a column of the data set's responses; x and y in picture widths from the upper left corner in the first two columns"},
    .writes = {"-o: a file of kind fields", "stdout: a row a region and one of all, TSV or with --json JSON"},
    .see_also = {"ridge-encode(1)", "salience-map(1)", "cortune(5)"},
    .references = {"Baehrens et al. 2010: How to explain individual classification decisions. JMLR 11."}};

void declare(cli::App& app, Options& o) {
    auto& j = o.job;
    app.add_option("IMAGES", j.images, "Data set, folder or zip archive of pictures")->required()->type_name("PATH");
    app.add_option("MODEL", j.model, "Tuned model, or weights of a backbone")->required()->type_name("FILE");
    app.add_option("ENCODING", j.encoding, "Encoding of it, with weights")->required()->type_name("FILE");
    app.add_option("--hemi", j.roi.hemisphere, "This hemisphere alone")->type_name("HEMI");
    app.add_option("--roi-class", j.roi.roi_class, "Regions of this class alone")->type_name("CLASS");
    app.add_option("--roi", j.roi.roi, "This region alone")->type_name("ROI");
    app.add_option("--true-fields", o.truth, "Known centres of a hemisphere's fields")->allow_extra_args(false)->type_name("HEMI=FILE");
    app.add_option("--least-r", j.least_r, "Least cross-validated r of a voxel that is mapped")->check(cli::between(-1, 1))->capture_default_str()->type_name("R");
    app.add_option("--map-size", j.map_size, "Side of the maps")->check(cli::whole_between(4, 1024))->capture_default_str()->type_name("PIXELS");
    app.add_option("--split", j.split, "Side of a data set's split: all, train, test or official_test")
        ->check(cli::one_of({"all", "train", "test", "official_test"}))->capture_default_str()->type_name("SPLIT");
    app.add_option("--pictures", j.pictures, "The first so many of them; 0 for all")->check(cli::whole_at_least(0))->capture_default_str()->type_name("INT");
    app.add_option("--fit", j.fit, "How a folder's pictures come to the network's size: squash or crop")->check(cli::one_of({"squash", "crop"}))->capture_default_str()->type_name("HOW");
    app.add_option("--namespace", j.image_namespace, "Of a folder's image ids; default: its name")->type_name("NAME");
    app.add_option("--batch", j.batch, "Images at a time")->check(cli::whole_at_least(1))->capture_default_str()->type_name("INT");
}

salience::TrueFields read_truth(const std::string& given) {
    const auto at = given.find('=');
    if (at == std::string::npos || at == 0) throw UsageError("--true-fields: expected HEMI=FILE, found " + given, "as lh=truth/lh_receptive_field.npy");
    const datasets::NpyFile file(given.substr(at + 1));
    const auto& shape = file.shape();
    if (shape.size() != 2 || shape[1] < 2)
        throw BadInput(fmt::format("{}: its shape is {}", file.path().string(), datasets::shape_text(shape)), "a row a response; x and y, in picture widths from the upper left corner, in the first columns");
    std::vector<float> values(shape[0] * shape[1]);
    file.rows(0, shape[0], values.data());
    salience::TrueFields out{given.substr(0, at), {}, {}};
    for (std::size_t row = 0; row < shape[0]; ++row)
        for (const auto& [to, value] : {std::pair(&out.x, values[row * shape[1]]), std::pair(&out.y, values[row * shape[1] + 1])}) {
            if (value < -1 || value > 2) throw BadInput(fmt::format("{}: row {} has {}", file.path().string(), row, value), "x and y are picture widths from the upper left corner: 0.5 and 0.5 are the centre; NaN is not known");
            to->push_back(static_cast<double>(value));
        }
    return out;
}

nlohmann::ordered_json row_of(const salience::FieldScores& s) {
    return {{"hemisphere", s.hemisphere}, {"roi", s.roi}, {"voxels", s.voxels}, {"compared", s.compared}, {"mean_x", s.mean_x}, {"mean_y", s.mean_y},
            {"r_x", s.r_x}, {"r_x_low", s.r_x_low}, {"r_x_high", s.r_x_high}, {"r_y", s.r_y}, {"r_y_low", s.r_y_low}, {"r_y_high", s.r_y_high},
            {"same_half", s.same_half}, {"distance", s.distance}};
}

void run(const Options& options, cli::Context& context) {
    engine::FieldJob job = options.job;
    h5::Record record = context.record();
    std::vector<std::filesystem::path> inputs = {job.images, job.model, job.encoding};
    for (const auto& given : options.truth) {
        job.truth.push_back(read_truth(given));
        if (std::count_if(job.truth.begin(), job.truth.end(), [&](const auto& t) { return t.hemisphere == job.truth.back().hemisphere; }) > 1)
            throw UsageError("--true-fields: " + job.truth.back().hemisphere + " twice");
        inputs.push_back(given.substr(given.find('=') + 1));
        record.add_input(inputs.back(), sha256_file(inputs.back()));
    }
    job.run = {record, context.output, context.overwrite, context.seed, context.threads, context.device};
    check_distinct({{"-o", context.output}}, inputs);
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const auto& s : engine::load().fields(job, context)) rows.push_back(row_of(s));
    context.result(context.json ? rows.dump(2) + "\n" : cli::tsv_rows(rows));
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.output = true, .seed = true, .device = true, .json = true}, declare, run);
}
