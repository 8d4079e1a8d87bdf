// SPDX-License-Identifier: BSD-3-Clause
// The failures a tool can end with, and the one table that maps them to exit codes.
#pragma once

#include <stdexcept>
#include <string>

namespace cortune {

enum class ExitCode : int {
    done = 0,       // everything asked for was written
    failed = 1,     // the run itself failed (a diverging loss, an internal fault)
    usage = 2,      // the command line makes no sense
    bad_input = 3,  // an input file is wrong, foreign, unfinished or does not fit another
    output = 4,     // an output exists already or cannot be written
    resource = 5,   // no such device, or not enough memory
};

// Every error carries what happened ("file:/dataset: expected X, found Y") and,
// where there is one, the mend.
class Error : public std::runtime_error {
  public:
    Error(ExitCode code, const std::string& what, std::string hint = {})
        : std::runtime_error(what), code_(code), hint_(std::move(hint)) {}
    ExitCode code() const noexcept { return code_; }
    const std::string& hint() const noexcept { return hint_; }

  private:
    ExitCode code_;
    std::string hint_;
};

struct RunFailed : Error {
    explicit RunFailed(const std::string& what, std::string hint = {})
        : Error(ExitCode::failed, what, std::move(hint)) {}
};
struct UsageError : Error {
    explicit UsageError(const std::string& what, std::string hint = {})
        : Error(ExitCode::usage, what, std::move(hint)) {}
};
struct BadInput : Error {
    explicit BadInput(const std::string& what, std::string hint = {})
        : Error(ExitCode::bad_input, what, std::move(hint)) {}
};
struct OutputError : Error {
    explicit OutputError(const std::string& what, std::string hint = {})
        : Error(ExitCode::output, what, std::move(hint)) {}
};
struct ResourceError : Error {
    explicit ResourceError(const std::string& what, std::string hint = {})
        : Error(ExitCode::resource, what, std::move(hint)) {}
};

// Thrown at a safe point after SIGINT, SIGTERM, SIGHUP or SIGXCPU; the tool ends with 128 + signal.
class Interrupted : public std::runtime_error {
  public:
    explicit Interrupted(int signal)
        : std::runtime_error("interrupted"), signal_(signal) {}
    int signal() const noexcept { return signal_; }

  private:
    int signal_;
};

}  // namespace cortune
