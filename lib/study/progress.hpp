// SPDX-License-Identifier: BSD-3-Clause
// How far a study is. What is done is told by the outputs themselves, whose provenance names the command and the
// inputs that made them; what runs and what failed by small records in <output>/steps.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "study/study.hpp"

namespace cortune::study {

enum class State { done, running, failed, stopped, ready, waiting };
// done: the output is whole and was made by this command from the inputs as they are now; waiting: an input is not
// done; ready: nothing is missing; failed: it ran and its tool ended with an error, also a signal of its own making
// (SIGSEGV, SIGKILL where memory ran out), and no input was made since; stopped: it was interrupted.

struct Progress {
    State state = State::waiting;
    int exit_code = 0;           // of a failed one
    double seconds = 0;          // that the last whole run took; 0: not known
    std::string where;           // of a running one: host, process, job
};

// One a step, in order. Steps after one that is not done are not done, whatever is there. With `only` just this
// step and what it needs are looked at; the others are said to wait.
std::vector<Progress> progress_of(const Study& study, const std::string& only = {});

const char* name_of(State state);
std::string exit_text(int code);  // "exit code 3", "signal 11, Segmentation fault"

// Files of a step, in <output>/steps: its id with '/' as '.'.
std::filesystem::path log_file(const Study& study, const Step& step);
std::filesystem::path record_file(const Study& study, const Step& step);   // JSON: how its last run ended
std::filesystem::path running_file(const Study& study, const Step& step);  // there while it runs, touched every beat_seconds
std::filesystem::path lock_file(const Study& study, const Step& step);     // held while one looks whether it runs, and begins it

// Whether an exit code is that of a run which was interrupted from outside.
bool was_interrupted(int exit_code);

// The last line of its log that says what went wrong.
std::string last_error(const Study& study, const Step& step);

inline constexpr int beat_seconds = 10, silence_seconds = 60;

// What a run leaves behind.
struct RunRecord {
    std::vector<std::string> command;
    std::string host, job;       // job: of Slurm, empty elsewhere
    std::int64_t process = 0, started = 0, ended = 0;  // seconds since 1970
    double seconds = 0;          // that it took
    int exit_code = 0;
    std::vector<std::string> inputs;  // uuid of every input that is a cortune file, else the SHA-256 of its bytes
};
std::string to_text(const RunRecord& record);
RunRecord read_record(const std::filesystem::path& file);  // BadInput
// uuids and hashes of the outputs of the steps that it comes after and of what it reads besides, as they are now; `known` keeps them.
std::vector<std::string> inputs_now(const Study& study, const Step& step, std::map<std::string, std::string>& known);

// "tune  3 of 12 done, 1 running, 1 failed" a stage, then failures and the time left.
std::string status_text(const Study& study, const std::vector<Progress>& progress);

}  // namespace cortune::study
