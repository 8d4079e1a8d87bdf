// SPDX-License-Identifier: BSD-3-Clause
// study-run: the steps of a study, from one table: lists them, says how far it is, and makes single ones, each a
// call of one tool. Front ends (examples/study: make, Snakemake, Slurm) decide when and where. Reads the table
// (JSON, cortune(5)) and the outputs of the steps.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/ranges.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "study/run_step.hpp"

namespace {

using namespace cortune;

struct Options {
    std::string study;
    std::vector<std::string> steps;
    bool list = false, status = false, todo = false, makefile = false;
    std::vector<std::string> stage;
    std::vector<cli::Option*> of_list;
};

const cli::Doc doc{
    .name = "study-run",
    .summary = "list and make the steps of a study of many subjects, regions and methods",
    .description =
        {"A study is a table (study.json, see cortune(5)): data, subjects, regions, methods and seeds. It stands for many calls of the other tools, "
         "which study-run lists with --list, in an order in which they can be made, and of which it makes those that are named: the tool's messages go to "
         "OUTPUT/steps/STEP.log, its exit code is the one of study-run. A step that is done is not made again, whoever asks, so that a killed study continues "
         "where it was; a tuning goes on from its checkpoint.",
         "A step is done when its output is whole and says that this command made it from its inputs as they are now (where it cannot, as a page or a table, the record in OUTPUT/steps says it). Changing an option in the table, or making an "
         "input anew, undoes what depends on it; files are replaced when their step is made again, and nothing else is ever deleted but checkpoints "
         "of tunings that are done, or whose options or inputs are others now.",
         "Regions that a subject lacks, or that are smaller than tune/min-voxels, are left out once its data are extracted; --status names them.",
         "The tools must be on PATH. They use the cores that they are given: those of the allocation under Slurm."},
    .examples = {{"what there is to do", "study-run study.json --list --todo"},
                 {"how far it is", "study-run study.json --status"},
                 {"one step", "study-run study.json tune/contrastive/subj01/lh.V1v.s0"},
                 {"everything, two steps at a time", "make -C examples/study -j2"}},
    .reads = {"STUDY: the table, as JSON"},
    .writes = {"what the steps write; OUTPUT/steps: logs and records", "standard output: --list as TSV, --status, --makefile"},
    .see_also = {"cl-finetune(1)", "ridge-encode(1)", "encode-eval(1)", "transfer-eval(1)", "cortune(5)"},
    .references = {}};

void declare(cli::App& app, Options& o) {
    app.add_option("STUDY", o.study, "Table of the study")->required()->type_name("FILE");
    app.add_option("STEP", o.steps, "Steps to make, one after the other")->type_name("STEP");
    app.add_flag("--list", o.list, "List the steps: stage, name, state, command");
    o.of_list.emplace_back() = app.add_flag("--todo", o.todo, "Of --list: those that are not done");
    o.of_list.emplace_back() = app.add_option("--stage", o.stage, "Of --list: those of these stages")->delimiter(',')->allow_extra_args(false)->type_name("STAGES");
    app.add_flag("--status", o.status, "Say how far every stage is, what failed, and the time left");
    app.add_flag("--makefile", o.makefile, "Rules for make, of what is not done: all, and data, after which regions that subjects lack are known");
}

void list(const Options& o, const study::Study& study, cli::Context& context) {
    const auto progress = study::progress_of(study);
    auto all = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < study.steps.size(); ++i) {
        const auto& step = study.steps[i];
        if (o.todo && progress[i].state == study::State::done) continue;
        if (!o.stage.empty() && std::find(o.stage.begin(), o.stage.end(), step.stage) == o.stage.end()) continue;
        if (context.json)
            all.push_back({{"stage", step.stage}, {"step", step.id}, {"state", name_of(progress[i].state)}, {"after", step.after}, {"output", step.output.string()}, {"command", step.command}});
        else
            context.result(fmt::format("{}\t{}\t{}\t{}\n", step.stage, step.id, name_of(progress[i].state), join(step.command, " ")));
    }
    if (context.json) context.result(all.dump(1) + '\n');
}

// As the shell, by way of make, takes it literally.
std::string for_make(const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? "'\\''" : c == '$' ? "$$" : std::string(1, c);
    return out + "'";
}

// A target a step, by its name; make keeps the order, study-run knows what is done.
void makefile(const study::Study& study, cli::Context& context) {
    const auto progress = study::progress_of(study);
    std::vector<std::string> todo, data;
    for (std::size_t i = 0; i < study.steps.size(); ++i) {
        if (progress[i].state == study::State::done) continue;
        const auto& step = study.steps[i];
        todo.push_back(step.id);
        if (step.stage == "simulate" || step.stage == "extract" || step.stage == "weights") data.push_back(step.id);
    }
    context.result(fmt::format(".PHONY: all data {0}\nall: {0}\ndata: {1}\n", join(todo, " "), join(data, " ")));
    for (const auto& step : study.steps) {
        if (std::find(todo.begin(), todo.end(), step.id) == todo.end()) continue;
        std::vector<std::string> after;
        for (const auto& id : step.after)
            if (std::find(todo.begin(), todo.end(), id) != todo.end()) after.push_back(id);
        context.result(fmt::format("{}: {}\n\tstudy-run {} $@\n", step.id, join(after, " "), for_make(study.file.string())));
    }
}

void run(const Options& o, cli::Context& context) {
    const int asked = o.list + o.status + o.makefile + !o.steps.empty();
    if (asked != 1) throw UsageError("one of --list, --status, --makefile or the names of steps is wanted", "study-run STUDY --status");
    if (!o.list) cli::refuse_idle(o.of_list, "without --list");
    for (const auto& stage : o.stage)
        if (const auto& known = study::stages(); std::find(known.begin(), known.end(), stage) == known.end()) throw UsageError(fmt::format("--stage {}: known are {}", stage, join(known)));
    const study::Study study = study::read_study(o.study);
    if (o.list) return list(o, study, context);
    if (o.makefile) return makefile(study, context);
    if (o.status) return context.result(study::status_text(study, study::progress_of(study)));
    for (const auto& id : o.steps) {
        const auto& step = study.step(id);
        const int code = study::run_step(study, step, [&](const std::string& text) { context.info(text); });
        if (study::was_interrupted(code)) throw Interrupted(code - 128);
        const auto error = [&] { return fmt::format("{} failed ({}): {}", id, study::exit_text(code), study::last_error(study, step)); };
        const std::string hint = "all of its messages are in " + study::log_file(study, step).string();
        if (code > 128) throw RunFailed(error(), hint);
        if (code != 0) throw Error(static_cast<ExitCode>(code), error(), hint);
    }
}

}  // namespace

int main(int argc, char** argv) {
    return cortune::cli::tool_main<Options>(argc, argv, doc, {.threads = false, .json = true}, declare, run);
}
