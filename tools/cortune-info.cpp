// SPDX-License-Identifier: BSD-3-Clause
// cortune-info: what a file holds and where it came from.
// Reads files of every kind and writes nothing; checks each against the schema of its
// kind and refuses what is incomplete, foreign or does not keep to it.
// Reference: cortune(5).
#include <fmt/format.h>

#include "cli/tool.hpp"
#include "core/error.hpp"
#include "datasets/dataset.hpp"
#include "encode/encoding_file.hpp"
#include "h5/describe.hpp"
#include "h5/schema.hpp"
#include "weights/model_file.hpp"

using namespace cortune;
using Json = nlohmann::ordered_json;

namespace {

struct Options {
    std::vector<std::string> files;
    bool all = false;
};

const cli::Doc doc = {
    "cortune-info",
    "check files and show what they hold and who made them from what",
    {"Checks every file against the machine-readable layout of its kind and prints kind, identity, "
     "shapes, "
     "regions of interest with their voxels, splits, what is particular to the kind, and the tree of "
     "commands that made it from its sources.",
     "A file that is incomplete, foreign, damaged in any byte, or does not keep to its layout is named with the "
     "reason, "
     "and the exit code is 3; the other files are printed all the same. Data sets that the layout does "
     "not "
     "speak of are allowed and named with --verbose."},
    {{"what is in these files", "cortune-info subj01.h5 tuned.h5"},
     {"the test images of a data set, for a script",
      "cortune-info --json subj01.h5 | jq '.[0].split.test'"}},
    {"cortune files of every kind"},
    {},
    {"nsd-extract(1)", "model-convert(1)", "cl-finetune(1)", "ridge-encode(1)", "encode-eval(1)"}};

const cli::Common common = {.threads = false, .json = true};

void declare(cli::App& app, Options& o) {
    app.add_option("files", o.files, "Files to look at")->required()->type_name("FILE");
    app.add_flag("--all", o.all,
                 "List every data set with its type, shape and axes, not the main ones alone; always part of --json");
}

// Several lines of one error: the first ten say enough.
std::string violations_text(const std::vector<std::string>& violations) {
    std::string out = violations[0];
    for (std::size_t i = 1; i < std::min<std::size_t>(violations.size(), 10); ++i)
        out += "\n  " + violations[i];
    if (violations.size() > 10) out += fmt::format("\n  … and {} more", violations.size() - 10);
    return out;
}

// A layout says nothing of values: whatever a reader of the kind refuses is refused here.
void read_as_tools_do(const h5::Input& file) {
    if (file.kind() == "dataset") datasets::DatasetFile(file.path());
    else if (file.kind() == "model") weights::read_model(file);
    else if (file.kind() == "encoding") encode::EncodingFile(file.path());
}

Json inspect(const std::string& path, cli::Context& context) {
    const h5::Input file(path);
    file.verify();  // before HDF5 follows what may lead nowhere
    const h5::Findings findings = h5::check(file, h5::load_schema(file));
    for (const auto& note : findings.notes) context.detail(note);
    if (!findings.violations.empty())
        throw BadInput(violations_text(findings.violations), "cortune(5) describes the layout");
    read_as_tools_do(file);
    Json out = h5::describe(file);
    out["provenance"] = file.provenance();
    return out;
}

// The arrays of the root group that are no axis.
Json main_arrays(const Json& data_sets) {
    Json out = Json::array();
    for (const auto& d : data_sets) {
        const auto path = d.at("path").get<std::string>();
        const auto& axes = d.at("axes");
        if (path.rfind('/') == 0 && !axes.empty() && axes[0] != path.substr(1)) out.push_back(d);
    }
    return out;
}

std::string as_text(Json description, bool all) {
    const auto provenance = description["provenance"];
    description.erase("provenance");
    if (!all) description["data_sets"] = main_arrays(description["data_sets"]);
    return h5::describe_text(description) + "provenance:\n" + h5::provenance_text(provenance);
}

void run(const Options& o, cli::Context& context) {
    std::size_t unfit = 0, shown = 0;
    Json list = Json::array();
    for (const auto& path : o.files) {
        try {
            Json description = inspect(path, context);
            if (context.json)
                list.push_back(std::move(description));
            else
                context.result((shown++ > 0 ? "\n" : "") + as_text(std::move(description), o.all));
        } catch (const BadInput& e) {
            if (o.files.size() == 1) throw;
            context.error(e.what(), e.hint());
            ++unfit;
        }
    }
    if (context.json) context.result(list.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
    if (unfit > 0) throw BadInput(fmt::format("{} of {} files cannot be used", unfit, o.files.size()));
}

}  // namespace

int main(int argc, char** argv) { return cli::tool_main(argc, argv, doc, common, declare, run); }
