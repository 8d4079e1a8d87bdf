// SPDX-License-Identifier: BSD-3-Clause
// model-convert: network weights between torchvision's files and cortune's.
// Reads a cortune model, safetensors or a .pth of torch.save (zip or older), told apart
// by content; writes a cortune model or safetensors. A tuned backbone goes back into
// torchvision with load_state_dict(strict=True).
// Reference: cortune(5); the safetensors format's own description.
#include <fmt/format.h>

#include "cli/ranges.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "weights/architecture.hpp"
#include "weights/model_file.hpp"
#include "weights/safetensors.hpp"
#include "weights/tuning_note.hpp"

using namespace cortune;

namespace {

struct Options {
    std::string input;
    std::string to = "auto";
    std::string backbone;
    int image_size = 0;
    bool heads = false;
    std::string store = "float32", untuned;
};

const cli::Doc doc = {
    "model-convert",
    "convert network weights between torchvision's files and cortune's",
    {"Reads a network's weights from a cortune model file, from safetensors or from a .pth file of "
     "torch.save, in the zip form or the older one; the content tells which, not the name. Every tensor "
     "is checked against the architecture, and the first that does not fit is named.",
     "A pickle is read as data: nothing that it names is called, and one that names anything but "
     "tensors "
     "is refused.",
     "Safetensors made from a tuned model hold the backbone under torchvision's names; how and with "
     "which "
     "pictures it was tuned goes into the file's metadata and comes back from there. The projection "
     "heads "
     "stay out unless --heads is given, since load_state_dict(strict=True) would refuse them."},
    {{"torchvision's AlexNet for cortune", "model-convert alexnet-owt-7be5be79.pth -o alexnet.h5"},
     {"a tuned network for torchvision",
      "model-convert tuned.h5 --to safetensors -o tuned.safetensors"}},
    {"cortune file of kind model; safetensors (F16, BF16, F32, F64); .pth state dict"},
    {"cortune file of kind model; safetensors (F32)"},
    {"cortune-info(1)", "cl-finetune(1)", "ridge-encode(1)"}};

const cli::Common common = {.output = true, .threads = false};

void declare(cli::App& app, Options& o) {
    app.add_option("input", o.input, "Weights to read")->required()->type_name("FILE");
    app.add_option("--to", o.to, "Format to write: cortune, safetensors, or auto, by the ending of the output")
        ->check(cli::one_of({"auto", "cortune", "safetensors"}))
        ->type_name("FORMAT")
        ->capture_default_str();
    app.add_option(
           "--backbone", o.backbone,
           "Refuse weights of another architecture than this: alexnet, alexnet-mini or squeezenet1_1")
        ->type_name("NAME");
    app.add_option(
           "--image-size", o.image_size,
           "Side in pixels of the pictures that the network will be fed; by default what the input "
           "says, else the architecture's own size")
        ->check(cli::whole_between(1, 4096))
        ->type_name("PIXELS");
    app.add_option("--store", o.store, "How to keep the weights of a cortune model, as cl-finetune does")
        ->check(cli::one_of(weights::storage_names()))->capture_default_str()->type_name("HOW");
    app.add_option("--untuned", o.untuned, "Of --store: the network that its tuning began with")->type_name("FILE");
    app.add_flag("--heads", o.heads,
                 "Write the projection heads, too (safetensors; names begin with 'heads.')");
}

void write_tensors(const Options& o, const weights::Model& model, cli::Context& context) {
    weights::StateDict state = model.parameters;
    if (o.heads)
        for (weights::Tensor t : model.heads) {
            t.name.insert(0, weights::heads_prefix);
            state.push_back(std::move(t));
        }
    weights::write_safetensors(context.output, state, weights::tuning_note(model), context.overwrite);
}

void check_options(const Options& o) {
    if (o.heads && o.to != "safetensors")
        throw UsageError("--heads is of --to safetensors", "a cortune model always holds the heads of its tuning");
    if ((o.store == "float32") != o.untuned.empty()) throw UsageError("--store and --untuned go together", "--untuned names the network that the tuning began with");
    if (o.store != "float32" && o.to != "cortune") throw UsageError("--store is of --to cortune");
    if (!o.backbone.empty()) weights::asked_architecture(o.backbone);
}

void set_image_size(weights::Model& model, int wanted) {
    if (model.tuned() && wanted != model.image_size)
        throw UsageError(fmt::format("--image-size: this backbone was tuned at {} px", model.image_size));
    if (const int least = weights::architecture(model.backbone).least_image_size; wanted < least)
        throw UsageError(fmt::format("--image-size {}: {} takes pictures of {} px and more", wanted, model.backbone,
                                     least));
    model.image_size = wanted;
}

void write_cortune(const Options& o, const weights::Model& model, h5::Record& record, cli::Context& context) {
    weights::Store store{weights::storage_of(o.store), nullptr, o.untuned};
    weights::Model untuned;
    if (store.how != weights::Storage::float32) {
        untuned = weights::load_weights(o.untuned, record, model.backbone);
        if (model.start_sha256 != weights::parameters_sha256(untuned.parameters))
            throw BadInput(fmt::format("{}: is not the network that the tuning of {} began with", o.untuned, o.input));
        store.untuned = &untuned.parameters;
    }
    const double lost = weights::write_model(context.output, record, context.overwrite, model, store);
    if (lost > 0) context.info(fmt::format("kept as {}: rounding is {:.2g} % of what tuning changed", o.store, 100 * lost));
}

void run(const Options& options, cli::Context& context) {
    Options o = options;
    if (o.to == "auto") o.to = context.output.extension() == ".safetensors" ? "safetensors" : "cortune";
    check_options(o);
    h5::check_target(context.output, context.overwrite, o.to == "cortune" ? "model" : "safetensors");
    h5::Record record = context.record();
    weights::Model model = weights::load_weights(o.input, record, o.backbone);
    if (o.heads && model.heads.empty())
        throw BadInput(o.input + ": holds no projection heads",
                       model.tuned() ? "they stayed out when it was written without --heads"
                                     : "an untuned network has none; leave --heads out");
    if (o.image_size > 0) set_image_size(model, o.image_size);
    if (o.to == "cortune")
        write_cortune(o, model, record, context);
    else
        write_tensors(o, model, context);
    context.info(fmt::format("{}: {}, {}, {} tensors → {} ({})", o.input, model.backbone, model.method,
                             model.parameters.size(), context.output.string(), o.to));
}

}  // namespace

int main(int argc, char** argv) { return cli::tool_main(argc, argv, doc, common, declare, run); }
