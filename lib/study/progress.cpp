// SPDX-License-Identifier: BSD-3-Clause
#include "study/progress.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <set>

#include "core/error.hpp"
#include "core/hash.hpp"
#include "core/system.hpp"
#include "core/text.hpp"
#include "h5/file.hpp"

namespace cortune::study {
namespace {

namespace fs = std::filesystem;

fs::path step_file(const Study& study, const Step& step, const char* ending) {
    std::string name = step.id;
    std::replace(name.begin(), name.end(), '/', '.');
    return study.folder / study.output / "steps" / (name + ending);
}

std::int64_t milliseconds(fs::file_time_type time) { return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count(); }

std::int64_t changed(const fs::path& file) {
    std::error_code error;
    const auto time = fs::last_write_time(file, error);
    return error ? 0 : milliseconds(time);
}

constexpr const char* by_content = "sha256 ";

// The uuid of a whole cortune file, or the hash of something else; empty: not there, or not whole.
std::string identity(const fs::path& file) {
    std::error_code ignored;
    if (!fs::is_regular_file(file, ignored)) return "";
    if (file.extension() != ".h5") return by_content + sha256_file(file);
    try {
        return h5::Input(file).uuid();
    } catch (const BadInput&) {
        return "";
    }
}

// Whether a cortune file says that this command made it from these inputs.
bool made_by(const fs::path& file, const Step& step, const std::vector<std::string>& inputs) {
    const h5::Input input(file);
    const auto tree = input.provenance();
    const auto& node = tree.at("nodes").at(tree.at("root").get<std::string>());
    auto expected = step.command;
    expected.insert(expected.end(), step.housekeeping.begin(), step.housekeeping.end());
    const auto argv = node.at("argv").get<std::vector<std::string>>();
    if (!std::equal(argv.begin() + 1, argv.end(), expected.begin() + 1, expected.end())) return false;
    const auto parents = node.at("parents").get<std::vector<std::string>>();
    return std::all_of(inputs.begin(), inputs.end(), [&](const auto& uuid) { return uuid.starts_with(by_content) || std::find(parents.begin(), parents.end(), uuid) != parents.end(); });
}

bool same_run(const RunRecord& record, const Step& step, const std::vector<std::string>& inputs) { return record.command == step.command && record.inputs == inputs; }

// What its output cannot say: which foreign files it was made from, or that a table on stdout is as new as it.
bool needs_record(const Step& step, const std::vector<std::string>& inputs) {
    return step.output.extension() != ".h5" || !step.standard_output.empty() || std::any_of(inputs.begin(), inputs.end(), [](const auto& i) { return i.starts_with(by_content); });
}

bool is_done(const Study& study, const Step& step, const std::vector<std::string>& inputs, const RunRecord* record) {
    const fs::path output = study.folder / step.output;
    std::error_code ignored;
    if (!fs::exists(output, ignored) || (!step.standard_output.empty() && !fs::exists(study.folder / step.standard_output, ignored))) return false;
    if (needs_record(step, inputs) && !(record && record->exit_code == 0 && record->ended > 0 && same_run(*record, step, inputs))) return false;
    if (output.extension() != ".h5") return true;
    try {
        return made_by(output, step, inputs);
    } catch (const Error&) {
        return false;
    } catch (const nlohmann::json::exception&) {
        return false;
    }
}

// A mark that nobody touches is of a run that was killed.
bool still_runs(const fs::path& mark, const RunRecord& record) {
    if (record.host == host_name() && ::kill(static_cast<pid_t>(record.process), 0) != 0 && errno == ESRCH) return false;
    return milliseconds(fs::file_time_type::clock::now()) - changed(mark) < 1000 * silence_seconds;
}

Progress progress_of_step(const Study& study, const Step& step, bool inputs_done, std::map<std::string, std::string>& known) {
    Progress out;
    RunRecord last;
    const RunRecord* record = nullptr;
    const auto inputs = inputs_now(study, step, known);
    std::error_code ignored;
    if (fs::exists(record_file(study, step), ignored)) {
        last = read_record(record_file(study, step));
        record = &last;
        if (last.exit_code == 0) out.seconds = last.seconds;
    }
    const fs::path mark = running_file(study, step);
    if (fs::exists(mark, ignored)) {
        const RunRecord now = read_record(mark);
        out.where = fmt::format("{}, process {}{}", now.host, now.process, now.job.empty() ? "" : ", job " + now.job);
        out.state = still_runs(mark, now) ? State::running : State::stopped;
        if (out.state == State::running) return out;
    }
    if (!inputs_done) out.state = State::waiting;
    else if (is_done(study, step, inputs, record)) out.state = State::done;
    else if (out.state == State::stopped) return out;
    else if (record && record->exit_code != 0 && same_run(*record, step, inputs)) {
        out.state = was_interrupted(record->exit_code) ? State::stopped : State::failed;
        out.exit_code = record->exit_code;
        out.where = record->host;
    } else {
        out.state = State::ready;
    }
    return out;
}

}  // namespace

fs::path log_file(const Study& study, const Step& step) { return step_file(study, step, ".log"); }
fs::path record_file(const Study& study, const Step& step) { return step_file(study, step, ".json"); }
fs::path running_file(const Study& study, const Step& step) { return step_file(study, step, ".running"); }
fs::path lock_file(const Study& study, const Step& step) { return step_file(study, step, ".lock"); }

bool was_interrupted(int exit_code) { return exit_code == 128 + SIGHUP || exit_code == 128 + SIGINT || exit_code == 128 + SIGTERM || exit_code == 128 + SIGXCPU; }

std::string last_error(const Study& study, const Step& step) {
    std::ifstream in(log_file(study, step));
    std::string found, line;
    while (std::getline(in, line))
        if (line.find("error: ") != std::string::npos) found = line.substr(line.find("error: ") + 7);
    return found;
}

std::string exit_text(int code) { return code > 128 ? fmt::format("signal {}, {}", code - 128, ::strsignal(code - 128)) : fmt::format("exit code {}", code); }

const char* name_of(State state) {
    static constexpr const char* names[] = {"done", "running", "failed", "stopped", "ready", "waiting"};
    return names[static_cast<int>(state)];
}

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RunRecord, command, host, job, process, started, ended, seconds, exit_code, inputs)

std::string to_text(const RunRecord& record) { return nlohmann::json(record).dump(1) + '\n'; }

RunRecord read_record(const fs::path& file) {
    std::ifstream in(file);
    try {
        return nlohmann::json::parse(in).get<RunRecord>();
    } catch (const nlohmann::json::exception& e) {
        throw BadInput(fmt::format("{}: {}", file.string(), e.what()), "take it away: the step runs again");
    }
}

std::vector<std::string> inputs_now(const Study& study, const Step& step, std::map<std::string, std::string>& known) {
    std::vector<std::string> out;
    for (const auto& id : step.after) {
        const auto [at, added] = known.try_emplace(id);
        if (added) at->second = identity(study.folder / study.step(id).output);
        out.push_back(at->second);
    }
    for (const auto& file : step.reads) {
        const auto [at, added] = known.try_emplace("file " + file.string());
        if (added) at->second = identity(study.folder / file);
        out.push_back(at->second);
    }
    return out;
}

std::vector<Progress> progress_of(const Study& study, const std::string& only) {
    std::set<std::string> wanted;
    for (auto step = study.steps.rbegin(); step != study.steps.rend(); ++step)
        if (only.empty() || step->id == only || wanted.contains(step->id)) wanted.insert(step->id), wanted.insert(step->after.begin(), step->after.end());
    std::map<std::string, bool> done;
    std::map<std::string, std::string> known;
    std::vector<Progress> out;
    for (const auto& step : study.steps) {
        if (!wanted.contains(step.id)) {
            out.emplace_back();
            continue;
        }
        const bool inputs = std::all_of(step.after.begin(), step.after.end(), [&](const auto& id) { return done.at(id); });
        out.push_back(progress_of_step(study, step, inputs, known));
        done[step.id] = out.back().state == State::done;
    }
    return out;
}

std::string status_text(const Study& study, const std::vector<Progress>& progress) {
    std::string out, failures;
    double left = 0;
    std::string unknown;
    std::int64_t running = 0, remaining = 0;
    for (const auto& stage : stages()) {
        std::map<State, std::int64_t> count;
        std::int64_t total = 0, timed = 0;
        double seconds = 0;
        for (std::size_t i = 0; i < progress.size(); ++i) {
            if (study.steps[i].stage != stage) continue;
            ++total, ++count[progress[i].state];
            if (progress[i].seconds > 0) ++timed, seconds += progress[i].seconds;
            if (progress[i].state == State::failed)
                failures += fmt::format("failed: {} ({}): {}\n", study.steps[i].id, exit_text(progress[i].exit_code), last_error(study, study.steps[i]));
            if (progress[i].state == State::stopped) failures += fmt::format("stopped: {} ({})\n", study.steps[i].id, progress[i].where);
        }
        if (total == 0) continue;
        out += fmt::format("{:<9} {} of {} done", stage, count[State::done], total);
        for (const State s : {State::running, State::failed, State::stopped, State::ready, State::waiting})
            if (count[s] > 0) out += fmt::format(", {} {}", count[s], name_of(s));
        out += '\n';
        const std::int64_t more = total - count[State::done];
        remaining += more;
        running += count[State::running];
        if (more > 0 && timed == 0) unknown += fmt::format("{}{} of {}", unknown.empty() ? "" : ", ", more, stage);
        else if (more > 0) left += seconds / static_cast<double>(timed) * static_cast<double>(more);
    }
    for (const auto& text : study.left_out) out += "left out  " + text + '\n';
    out += failures;
    if (remaining > 0) {
        out += left > 0 ? fmt::format("left      about {} of computing", format_seconds(left)) : "left     ";
        if (left > 0 && running > 1) out += fmt::format(", {} with {} at a time as now", format_seconds(left / static_cast<double>(running)), running);
        if (!unknown.empty()) out += fmt::format("{} {} whose time is not known yet", left > 0 ? ", and" : "", unknown);
        out += '\n';
    }
    return out;
}

}  // namespace cortune::study
