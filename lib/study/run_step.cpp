// SPDX-License-Identifier: BSD-3-Clause
#include "study/run_step.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <thread>
#include <vector>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/output_file.hpp"
#include "core/system.hpp"
#include "core/text.hpp"

namespace cortune::study {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

void make_folder(const fs::path& file) {
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    if (error) throw OutputError(fmt::format("{}: {}", file.parent_path().string(), error.message()));
}

RunRecord begun(const Step& step, std::vector<std::string> inputs) {
    RunRecord out;
    out.command = step.command;
    out.host = host_name();
    if (const char* job = std::getenv("SLURM_JOB_ID")) out.job = job;
    out.process = ::getpid();
    out.started = std::time(nullptr);
    out.inputs = std::move(inputs);
    return out;
}

// Held by one process of all that want to begin a step, until it is let go. Where a file system has no locks the mark
// below decides alone, which it can unless a run was killed before.
class Lock {
  public:
    explicit Lock(const fs::path& path) : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
        if (file_ < 0) throw cannot_write(path, errno);
        while (::flock(file_, LOCK_EX) != 0 && errno == EINTR) check_interrupt();
    }
    ~Lock() { ::close(file_); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

  private:
    int file_;
};

// The mark of a running step: one process makes it, whoever comes second is told.
class Mark {
  public:
    Mark(const fs::path& path, const RunRecord& record) : path_(path) {
        const std::string text = to_text(record);
        // Whole before it has its name, and never over another's.
        const fs::path part = part_path(path);
        write_bytes(part, {text}, {.overwrite = true, .durable = false});
        const bool mine = ::link(part.c_str(), path.c_str()) == 0;
        const int why = errno;
        ::unlink(part.c_str());
        if (!mine && why == EEXIST) throw RunFailed(path.string() + ": another process has just begun this step");
        if (!mine) throw cannot_write(path, why);
    }
    ~Mark() { ::unlink(path_.c_str()); }
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;
    void touch() const { ::utimensat(AT_FDCWD, path_.c_str(), nullptr, 0); }

  private:
    fs::path path_;
};

// In the child: never returns.
[[noreturn]] void become(const Study& study, const std::vector<std::string>& command, const fs::path& log, const fs::path& out) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // it does not outlive the step
    const int messages = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    const int results = out.empty() ? messages : ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (messages < 0 || results < 0 || ::dup2(messages, 2) < 0 || ::dup2(results, 1) < 0 || ::chdir(study.folder.c_str()) != 0) ::_exit(126);
    std::vector<char*> argv;
    for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
}

// Until the tool ends; passes a signal on, and touches the mark.
int wait_for(pid_t tool, const Mark& mark) {
    int passed = 0, rounds = 0;
    for (int status = 0;; std::this_thread::sleep_for(50ms)) {
        const pid_t ended = ::waitpid(tool, &status, WNOHANG);
        if (ended == tool) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (ended < 0 && errno != EINTR) throw RunFailed(fmt::format("the step was lost ({})", std::strerror(errno)));
        if (const int signal = pending_signal(); signal != 0 && signal != passed) ::kill(tool, passed = signal);
        if (++rounds % (20 * beat_seconds) == 0) mark.touch();
    }
}

// What an interrupted run of other options or inputs left is of no use to this one.
void drop_foreign_checkpoint(const Study& study, const Step& step, const RunRecord& now, const std::function<void(const std::string&)>& say) {
    std::error_code ignored;
    const fs::path checkpoint = study.folder / step.checkpoint;
    if (step.checkpoint.empty() || !fs::exists(checkpoint, ignored)) return;
    for (const auto& file : {running_file(study, step), record_file(study, step)}) {
        if (!fs::exists(file, ignored)) continue;
        const RunRecord last = read_record(file);
        if (last.command == now.command && last.inputs == now.inputs) return;
        say(fmt::format("{}: the checkpoint of a run with other options or inputs goes", step.id));
        fs::remove(checkpoint, ignored);
        return;
    }
}

void require_inputs(const Study& study, const Step& step, const std::vector<Progress>& progress) {
    for (const auto& id : step.after)
        if (const auto at = static_cast<std::size_t>(&study.step(id) - study.steps.data()); progress[at].state != State::done)
            throw BadInput(fmt::format("{} needs {}, which is {}", step.id, id, name_of(progress[at].state)), "study-run --status shows what is missing");
}

// Marks the step as running, where it is not done and nobody runs it.
std::optional<Mark> begin(const Study& study, const Step& step, RunRecord& record, const std::function<void(const std::string&)>& say) {
    make_folder(lock_file(study, step));
    const Lock lock(lock_file(study, step));
    const auto progress = progress_of(study, step.id);
    const auto& now = progress.at(static_cast<std::size_t>(&step - study.steps.data()));
    if (now.state == State::done) return std::nullopt;
    // A job of Slurm that was put back in the queue finds its own mark.
    const char* job = std::getenv("SLURM_JOB_ID");
    const bool own = now.state == State::running && job && read_record(running_file(study, step)).job == job;
    if (now.state == State::running && !own) throw RunFailed(fmt::format("{} runs already ({})", step.id, now.where));
    require_inputs(study, step, progress);
    const fs::path output = study.folder / step.output;  // a simulated study makes its own folder
    for (const auto& file : {step.stage == "simulate" ? output.parent_path() : output, study.folder / (step.checkpoint.empty() ? step.output : step.checkpoint)}) make_folder(file);
    std::map<std::string, std::string> known;
    record = begun(step, inputs_now(study, step, known));
    drop_foreign_checkpoint(study, step, record, say);
    ::unlink(running_file(study, step).c_str());  // of one that was killed
    return std::optional<Mark>(std::in_place, running_file(study, step), record);
}

}  // namespace

int run_step(const Study& study, const Step& step, const std::function<void(const std::string&)>& say) {
    RunRecord record;
    const auto mark = begin(study, step, record, say);
    if (!mark) return 0;
    const auto start = std::chrono::steady_clock::now();
    auto command = step.command;
    command.insert(command.end(), step.housekeeping.begin(), step.housekeeping.end());
    say(join(command, " "));
    // A result appears when it is whole, as files do.
    const fs::path results = step.standard_output.empty() ? fs::path() : study.folder / step.standard_output, part = results.empty() ? results : part_path(results);
    const pid_t tool = ::fork();
    if (tool < 0) throw ResourceError(fmt::format("{} cannot be started ({})", command[0], std::strerror(errno)));
    if (tool == 0) become(study, command, log_file(study, step), part);
    record.exit_code = wait_for(tool, *mark);
    record.ended = std::time(nullptr);
    record.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (record.exit_code == 0 && !results.empty() && ::rename(part.c_str(), results.c_str()) != 0) throw cannot_write(results, errno);
    if (record.exit_code != 0 && !results.empty()) ::unlink(part.c_str());
    if (record.exit_code == 0 && !step.checkpoint.empty()) ::unlink((study.folder / step.checkpoint).c_str());
    write_bytes(record_file(study, step), {to_text(record)}, {.overwrite = true, .durable = false});
    if (record.exit_code == 126 || record.exit_code == 127)
        throw ResourceError(fmt::format("{} cannot be started", command[0]), "put the folder of the tools on PATH");
    return record.exit_code;
}

}  // namespace cortune::study
