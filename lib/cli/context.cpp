// SPDX-License-Identifier: BSD-3-Clause
#include "cli/context.hpp"

#include <fmt/format.h>
#include <hdf5.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "core/error.hpp"
#include "core/system.hpp"
#include "core/text.hpp"

namespace cortune::cli {

h5::Record Context::record() const {
    h5::Record out;
    out.tool = tool;
    out.argv = argv;
    out.options = effective_options;
    out.seed = draws ? seed : -1;
    out.threads = threads;
    out.device = device;
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    out.libraries["hdf5"] = fmt::format("{}.{}.{}", major, minor, release);
    return out;
}

namespace {

// A reader that has seen enough (`… | head`) is no failure of ours: end as SIGPIPE would end it.
[[noreturn]] void stdout_failed() {
    if (errno == EPIPE) throw Interrupted(SIGPIPE);
    throw OutputError("standard output: cannot be written");
}

}  // namespace

void Context::result(const std::string& text) {
    errno = 0;
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) stdout_failed();
}

void Context::flush_results() {
    errno = 0;
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) stdout_failed();
}

void Context::line(const std::string& text) {
    if (bar_open_) std::fputc('\n', stderr);
    bar_open_ = false;
    // Not fmt::print: it throws where stderr is closed, and an error must still end in its code.
    std::fputs(fmt::format("{}: {}\n", tool, text).c_str(), stderr);
}

void Context::info(const std::string& text) {
    if (!quiet) line(text);
}
void Context::detail(const std::string& text) {
    if (verbose && !quiet) line(text);
}
void Context::warn(const std::string& text) { line("warning: " + text); }

void Context::error(const std::string& text, const std::string& hint) {
    line("error: " + text);
    if (!hint.empty()) line("hint: " + hint);
}

void Context::progress(const std::string& label, std::int64_t done, std::int64_t total) {
    if (quiet || progress_mode == "never" || total <= 0) return;
    const bool bar = progress_mode == "always" || (progress_mode == "auto" && ::isatty(2) == 1);
    const auto now = Clock::now();
    const double since = std::chrono::duration<double>(now - last_progress_).count();
    const std::int64_t tenth = 10 * done / total;
    if (bar) {
        if (since < 0.1 && done < total) return;
        const auto filled = static_cast<std::size_t>(30 * done / total);
        std::fputs(fmt::format("\r{}: {} [{:<30}] {}/{} ", tool, label, std::string(filled, '#'), done,
                               total).c_str(), stderr);
        std::fflush(stderr);
        bar_open_ = done < total;
        if (done == total) std::fputc('\n', stderr);
    } else {
        if (done < total && since < 30 && tenth == last_tenth_) return;
        // Short work needs no running commentary: the first line comes after 2 s.
        if (done < total && std::chrono::duration<double>(now - start_).count() < 2) return;
        if (done == total && last_tenth_ < 0) return;
        line(fmt::format("{} {}/{}", label, done, total));
    }
    last_progress_ = now;
    last_tenth_ = done == total ? -1 : tenth;
}

void Context::summary() {
    const double wall = std::chrono::duration<double>(Clock::now() - start_).count();
    info(fmt::format("wall {}, CPU {}, peak memory {}", format_seconds(wall),
                     format_seconds(cpu_seconds()), format_bytes(static_cast<double>(peak_memory()))));
}

}  // namespace cortune::cli
