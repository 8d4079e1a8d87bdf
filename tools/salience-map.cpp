// SPDX-License-Identifier: BSD-3-Clause
// salience-map: where in its pictures a network finds what a score is made of. Reads pictures and a model, with a probe or an
// encoding; writes kind salience.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/ranges.hpp"
#include "cli/row.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "core/output_file.hpp"
#include "core/system.hpp"
#include "engine/engine.hpp"
#include "report/gnuplot.hpp"

namespace {

using namespace cortune;

struct Options {
    engine::SalienceJob job;
    std::vector<cli::Option*> of_probe, of_encoding, of_cam, of_gradients, of_occlusion;
};

const cli::Doc doc{
    .name = "salience-map",
    .summary = "show where in its pictures a network looks",
    .description =
        {"A map a picture, of one score: --probe PROBE the logit of a class of class-probe's classifier (the gradient runs through its weights and "
         "scaler into the network), --logit an output of the network itself, --encoding ENCODING the response that saved ridge weights "
         "predict of a region or a voxel, --pair the contrastive score of a picture with its own response.",
         "--method gradcam (default), gradcam++, hirescam, gradient (its square), integrated-gradients or occlusion. Grad-CAM's feature map is the last one before the "
         "score that the module after it makes smaller; --tap names another. Maps are brought to the picture's size bilinearly; those of "
         "integrated gradients and occlusion are signed. Grad-CAM averages the gradient over space: it shows where the features are that the score goes up with, also where "
         "the score does not look. Of a score with weights of its own for every place (a probe of a convolutional layer, a region's response) hirescam keeps the place.",
         "The file also has for every picture which half its map lies in: (left − right) / (left + right) of the positive mass, as a whole and in "
         "bands of eccentricity. --flip-control makes the maps of the mirrored pictures, too (for the same classes): what is of the picture "
         "changes sides, what is of the network does not. salience-eval compares such files.",
         "--checks asks whether the maps say anything: the rank correlation of every map with that of the same network with the values of each of its parameters, and of the probe's or readout's weights, in random order (it should be near 0), "
         "and the score as the pixels that the map marks most are taken away (deletion) or shown alone (insertion), the rest in the mean colour; areas under these curves beside those in the order of the mean of the other "
         "pictures' maps, which has what all maps have in common (the centre, where photographs have their objects). The row on standard output has means over pictures, 95 % intervals and p of random signs; deletion and insertion "
         "as how much better than that they are, in units of the score.",
         "The row is over the pictures that neither tuned the network nor fitted the probe or readout (data sets tuned and fitted mark them; left_out counts them); where there are no others, it is over all and says optimistic."},
    .examples = {{"the classes that a probe predicts", "salience-map caltech256 v1v.h5 --probe v1v.probe.h5 --fit crop --overlays maps -o v1v.salience.h5"},
                 {"where a region's predicted response comes from", "salience-map subj01.h5 untuned.h5 --encoding untuned.encoding.h5 --hemi lh --roi V1v --split test -o v1v.salience.h5"},
                 {"a picture and its own response", "salience-map subj01.h5 v1v.h5 --pair --split test --flip-control -o pair.salience.h5"}},
    .reads = {"IMAGES: a file of kind dataset, a folder or a zip archive of PNG and JPEG files", "MODEL: a file of kind model, safetensors, or a torchvision .pth",
              "--probe: a file of kind probe of that network", "--encoding: a file of kind encoding of it, with weights"},
    .writes = {"-o: a file of kind salience", "stdout: a row, TSV or with --json JSON", "--overlays: PNG"},
    .see_also = {"salience-eval(1)", "field-map(1)", "class-probe(1)", "ridge-encode(1)", "feature-extract(1)", "cortune(5)"},
    .references = {"Selvaraju et al. 2017: Grad-CAM. ICCV.", "Chattopadhay et al. 2018: Grad-CAM++. WACV.", "Sundararajan, Taly & Yan 2017: Axiomatic attribution for deep networks. ICML.",
                   "Zeiler & Fergus 2014: Visualizing and understanding convolutional networks. ECCV.", "Draelos & Carin 2020, arXiv 2011.08891.",
                   "Adebayo et al. 2018: Sanity checks for saliency maps. NeurIPS.", "Petsiuk, Das & Saenko 2018: RISE. BMVC."}};

void declare(cli::App& app, Options& o) {
    auto& j = o.job;
    app.add_option("IMAGES", j.images, "Data set, folder or zip archive of pictures")->required()->type_name("PATH");
    app.add_option("MODEL", j.model, "Tuned model, or weights of a backbone; by default the shipped alexnet-mini")->type_name("FILE");
    app.add_option("--probe", j.probe, "Classifier whose logits are explained")->type_name("FILE");
    o.of_probe = {app.add_option("--class", j.of_class, "Of --probe: a class, predicted (the default), or true")->type_name("NAME")};
    app.add_option("--logit", j.logit, "Output of the network, from 0, or predicted")->type_name("N");
    app.add_option("--encoding", j.encoding, "Encoding whose predicted response is explained")->type_name("FILE");
    o.of_encoding = {app.add_option("--hemi", j.roi.hemisphere, "Of --encoding: hemisphere")->type_name("HEMI"),
                     app.add_option("--roi", j.roi.roi, "Of --encoding: region; by default its only one")->type_name("ROI"),
                     app.add_option("--roi-class", j.roi.roi_class, "Of --encoding: class of --roi")->type_name("CLASS"),
                     app.add_option("--voxel", j.voxel, "Of --encoding: one column of the data set's responses; default: the mean over the region")->check(cli::whole_at_least(0))->type_name("COLUMN")};
    app.add_flag("--pair", j.pair, "Explain the contrastive score of a picture with its own response");
    app.add_option("--method", j.method, "gradcam, gradcam++, hirescam, gradient, integrated-gradients or occlusion")
        ->check(cli::one_of({"gradcam", "gradcam++", "hirescam", "gradient", "integrated-gradients", "occlusion"}))->capture_default_str()->type_name("NAME");
    o.of_cam = {app.add_option("--tap", j.tap, "Feature map of Grad-CAM")->type_name("NAME")};
    o.of_gradients = {app.add_option("--steps", j.steps, "Steps of integrated gradients")->check(cli::whole_between(1, 10000))->capture_default_str()->type_name("INT")};
    o.of_occlusion = {app.add_option("--window", j.window, "Side of occlusion's square; default: an eighth of the picture's")->check(cli::whole_at_least(1))->type_name("PIXELS")};
    app.add_flag("--flip-control", j.flip_control, "Also look at the mirrored pictures");
    app.add_flag("--checks", j.checks, "Also a control with shuffled weights, and deletion and insertion curves");
    app.add_option("--split", j.split, "Side of a data set's split: all, train, test or official_test")
        ->check(cli::one_of({"all", "train", "test", "official_test"}))->capture_default_str()->type_name("SPLIT");
    app.add_option("--fit", j.fit, "How a folder's pictures come to the network's size: squash or crop")
        ->check(cli::one_of({"squash", "crop"}))->capture_default_str()->type_name("HOW");
    app.add_option("--namespace", j.image_namespace, "Of a folder's image ids; default: its name")->type_name("NAME");
    app.add_option("--batch", j.batch, "Images at a time")->check(cli::whole_at_least(1))->capture_default_str()->type_name("INT");
    app.add_option("--overlays", j.overlays, "New folder for PNG figures, one a picture (needs gnuplot)")->type_name("DIR");
}

void add_test(nlohmann::ordered_json& row, const std::string& name, const stats::MeanTest& t) {
    row.update({{name, t.mean}, {name + "_low", t.low}, {name + "_high", t.high}, {name + "_p", t.p}});
}

nlohmann::ordered_json row_of(const engine::SalienceResult& r, const engine::SalienceJob& job) {
    const auto& s = r.summary;
    nlohmann::ordered_json row = {{"score", r.target}, {"layer", r.layer}, {"method", job.method}, {"tap", r.tap.empty() ? "-" : r.tap}, {"pictures", r.images}, {"left_out", s.left_out}, {"optimistic", s.optimistic ? 1 : 0},
                                  {"with_mass", s.index.n}};
    add_test(row, "index", s.index);
    if (job.flip_control) add_test(row, "mirrored_index", s.mirrored_index);
    if (job.checks) {
        row.update({{"randomised_n", s.randomised.n}, {"randomised_r", s.randomised.mean}, {"randomised_r_low", s.randomised.low}, {"randomised_r_high", s.randomised.high}});
        add_test(row, "deletion", s.deletion), add_test(row, "insertion", s.insertion);
    }
    return row;
}

void run(const Options& options, cli::Context& context) {
    engine::SalienceJob job = options.job;
    job.run = {context.record(), context.output, context.overwrite, context.seed, context.threads, context.device};
    if (job.model.empty()) job.model = share_dir() / "models" / "alexnet-mini.h5";
    check_distinct({{"-o", context.output}, {"--overlays", job.overlays}}, {job.images, job.model, job.probe, job.encoding});
    if (job.probe.empty()) cli::refuse_idle(options.of_probe, "without --probe");
    if (job.encoding.empty()) cli::refuse_idle(options.of_encoding, "without --encoding");
    if (!job.method.starts_with("gradcam") && job.method != "hirescam") cli::refuse_idle(options.of_cam, "with --method " + job.method);
    if (job.method != "integrated-gradients") cli::refuse_idle(options.of_gradients, "with --method " + job.method);
    if (job.method != "occlusion") cli::refuse_idle(options.of_occlusion, "with --method " + job.method);
    if (!job.overlays.empty()) report::png("plot x", 100, 100);  // is gnuplot there?
    const auto row = row_of(engine::load().salience(job, context), job);
    context.result(context.json ? row.dump(2) + "\n" : cli::tsv_row(row));
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.output = true, .seed = true, .device = true, .json = true}, declare, run);
}
