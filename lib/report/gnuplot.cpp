// SPDX-License-Identifier: BSD-3-Clause
#include "report/gnuplot.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include "core/error.hpp"
#include "core/interrupt.hpp"

extern char** environ;

namespace cortune::report {
namespace {

namespace fs = std::filesystem;

// A folder for one figure, gone with the scope.
class Folder {
  public:
    Folder() {
        std::error_code none;
        const fs::path base = fs::temp_directory_path(none);
        std::string name = ((none ? fs::path("/tmp") : base) / "cortune-figure-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw OutputError(fmt::format("{}: cannot be made ({})", name, std::strerror(errno)));
        path_ = name;
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    fs::path operator/(const char* name) const { return path_ / name; }

  private:
    fs::path path_;
};

std::string content(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

std::string quoted(const std::string& text) {
    // Inside double quotes gnuplot would run what stands in backquotes.
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') out += '\'';
        if (static_cast<unsigned char>(c) >= ' ') out += c;
    }
    return out + "'";
}

namespace {

// What gnuplot draws on a terminal.
std::string drawn(const std::string& script, const std::string& terminal) {
    const Folder folder;
    const std::string in = (folder / "script"), out = (folder / "figure"), errors = (folder / "errors");
    std::ofstream writing(in);
    writing << fmt::format("set terminal {}\nset output {}\n", terminal, quoted(out)) << script << "\nunset output\n";
    writing.close();
    if (!writing) throw OutputError(in + ": cannot be written", "$TMPDIR needs room for the figures");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), O_WRONLY | O_CREAT, 0600);
    // -d: a person's own settings have no say in the figures.
    std::string program = "gnuplot", defaults = "-d", argument = in;
    const std::array<char*, 4> argv = {program.data(), defaults.data(), argument.data(), nullptr};
    pid_t child = 0;
    const int failed = ::posix_spawnp(&child, "gnuplot", &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0)
        throw ResourceError(fmt::format("gnuplot cannot be started ({})", std::strerror(failed)), "install gnuplot-nox; it draws the figures");
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    check_interrupt();
    if (!WIFEXITED(status)) throw RunFailed("gnuplot was stopped by a signal");
    if (WEXITSTATUS(status) == 127)
        throw ResourceError("gnuplot cannot be started", "install gnuplot-nox; it draws the figures");
    if (WEXITSTATUS(status) != 0) throw RunFailed("gnuplot: " + content(errors));
    const std::string text = content(out);
    if (text.empty()) throw RunFailed("gnuplot drew nothing: " + content(errors));
    return text;
}

}  // namespace

std::string svg(const std::string& script, int width, int height, const std::string& prefix) {
    const auto text = drawn(script, fmt::format("svg size {},{} dynamic enhanced font 'sans-serif,13' background '#ffffff'", width, height));
    const auto start = text.find("<svg");
    if (start == std::string::npos) throw RunFailed("gnuplot drew no SVG");
    static const std::regex ids("(id=['\"]|href=['\"]#|url\\(['\"]?#)");
    return std::regex_replace(text.substr(start), ids, "$1" + prefix + "-");
}

std::string png(const std::string& script, int width, int height) {
    return drawn(script, fmt::format("pngcairo size {},{} enhanced font 'sans-serif,13' fontscale 2 linewidth 2 pointscale 2 background '#ffffff'", 2 * width, 2 * height));
}

}  // namespace cortune::report
