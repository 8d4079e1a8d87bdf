// SPDX-License-Identifier: BSD-3-Clause
// The one main: exit codes, streams, --help, manual page and completions.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <new>
#include <sstream>
#include <system_error>

#include "cli/ranges.hpp"
#include "cli/tool.hpp"
#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "scratch.hpp"

using namespace cortune;
using Catch::Contains;

namespace {

struct Options {
    std::string what = "nothing";
    std::vector<std::string> list;
    std::string input;
    double share = 0.5, rate = 1;
    std::vector<double> weights;
};

const cli::Doc doc = {"unit-tool",
                      "do what a test wants",
                      {"First paragraph.", "Second - one."},
                      {{"fail on purpose", "unit-tool x --what run"}},
                      {"dataset"},
                      {"model"},
                      {"cortune-info(1)"}};
const cli::Common common = {.output = true,
                            .output_optional = true,
                            .seed = true,
                            .threads = true,
                            .device = true,
                            .json = true};

void declare(cli::App& app, Options& options) {
    app.add_option("input", options.input, "What to read")->required()->type_name("FILE");
    app.add_option("--what", options.what, "How to end")
        ->check(cli::one_of({"nothing", "run", "usage", "input", "output", "device", "memory",
                               "threads", "other", "signal", "print"}))
        ->type_name("HOW")
        ->capture_default_str();
    app.add_option("--list", options.list, "Several")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name("A,B");
    app.add_option("--share", options.share, "A part")->check(cli::between(0, 1))->type_name("X");
    app.add_option("--rate", options.rate, "Any number")->type_name("FLOAT")->capture_default_str();
    app.add_option("--weights", options.weights, "Numbers")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(cli::above_zero())
        ->type_name("NUMBERS");
}

void run(const Options& o, cli::Context& context) {
    if (o.what == "run") throw RunFailed("it diverged");
    if (o.what == "usage") throw UsageError("makes no sense", "try something else");
    if (o.what == "input") throw BadInput("a.h5:/x: expected 3, found 4", "extract again");
    if (o.what == "output") throw OutputError("exists");
    if (o.what == "device") throw ResourceError("no CUDA here");
    if (o.what == "memory") throw std::bad_alloc();
    if (o.what == "threads")
        throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
    if (o.what == "other") throw std::logic_error("a fault of our own");
    if (o.what == "signal") {
        std::raise(SIGTERM);
        check_interrupt();
    }
    if (o.what == "print") {
        context.warn("a warning");
        context.info("some news");
        context.detail("a detail");
        context.result(context.record().node().dump() + "\n");
    }
}

struct Outcome {
    int code;
    std::string out, err;
};

// Runs the tool in a child with its own streams; `out` may be a device.
Outcome call(std::vector<std::string> arguments, const char* out = nullptr, bool close_stderr = false) {
    Scratch scratch;
    const std::string out_path = out ? out : (scratch / "out").string();
    const std::string err_path = (scratch / "err").string();
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(::open(out_path.c_str(), O_WRONLY | O_CREAT, 0600), 1);
        ::dup2(::open(err_path.c_str(), O_WRONLY | O_CREAT, 0600), 2);
        if (close_stderr) ::close(2);
        std::vector<char*> argv = {const_cast<char*>("/somewhere/unit-tool")};
        for (auto& a : arguments) argv.push_back(a.data());
        argv.push_back(nullptr);
        const int code = cli::tool_main<Options>(static_cast<int>(argv.size()) - 1, argv.data(), doc,
                                                 common, declare, run);
        ::_exit(code);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, out ? "" : slurp(out_path), slurp(err_path)};
}

}  // namespace

TEST_CASE("failures become exit codes, messages and hints") {
    struct {
        const char* what;
        int code;
        const char* message;
    } const cases[] = {{"nothing", 0, "wall"},
                       {"run", 1, "error: it diverged"},
                       {"other", 1, "a fault"},
                       {"usage", 2, "hint: try something else"},
                       {"input", 3, "unit-tool: error: a.h5:/x: expected 3, found 4"},
                       {"output", 4, "exists"},
                       {"device", 5, "no CUDA"},
                       {"memory", 5, "not enough"},
                       {"threads", 5, "error"},
                       {"signal", 128 + SIGTERM, "signal"}};
    for (const auto& c : cases) {
        INFO(c.what);
        const Outcome o = call({"x", "--what", c.what});
        CHECK(o.code == c.code);
        CHECK_THAT(o.err, Contains(c.message));
        CHECK(o.out.empty());
        CHECK(call({"x", "--what", c.what}, nullptr, true).code == c.code);  // stderr closed
    }
}

TEST_CASE("CLI11's own exit codes never escape") {
    const std::vector<std::vector<std::string>> wrong = {{},
                                                         {"x", "--absent"},
                                                         {"x", "y", "z"},
                                                         {"x", "--what"},
                                                         {"x", "--what", "odd"},
                                                         {"x", "--threads", "0"},
                                                         {"x", "--threads", "many"},
                                                         {"x", "--seed", "-1"},
                                                         {"x", "--seed", "1.5"},
                                                         {"x", "--progress", "maybe"},
                                                         {"x", "--what=odd", "--what=run"},
                                                         {"--completion"},
                                                         {"--manual", "x"},
                                                         {"x", "--overwrite=odd"},
                                                         {"--completion", "tcsh"}};
    for (const auto& arguments : wrong) {
        const Outcome o = call(arguments);
        INFO((arguments.empty() ? "" : arguments.back()) << ": " << o.err);
        CHECK(o.code == 2);
        CHECK_THAT(o.err, Contains("unit-tool: error: "));
        CHECK(o.out.empty());
    }
}

TEST_CASE("numbers are finite, names may look like anything") {
    const std::vector<std::pair<std::string, std::string>> wrong = {
        {"--share", "nan"},   {"--share", "NAN(7)"},    {"--share", "inf"},
        {"--rate", "nan"},    {"--rate", "-nan"},       {"--rate", "-infinity"},
        {"--rate", "1e999"},  {"--weights", "nan"},     {"--weights", "1,nan,3"},
        {"--weights", "inf"}, {"--weights", "2,-inf"}};
    for (const auto& [option, value] : wrong) {
        INFO(option << " " << value);
        const Outcome o = call({"x", option + "=" + value});
        CHECK(o.code == 2);
        CHECK_THAT(o.err, Contains("unit-tool: error: ") && Contains(option) && !Contains("wall"));
    }
    CHECK_THAT(call({"x", "--weights", "1,nan,3"}).err,
               Contains("error: --weights: expected a number above 0, found 'nan'"));
    CHECK(call({"nan", "--list", "inf,nan", "--share", "1", "--rate", "-1e300", "--weights", "1,2"}).code == 0);
}

TEST_CASE("of a repeated option the last value counts") {
    CHECK(call({"x", "--what=run", "--what=nothing"}).code == 0);
    CHECK(call({"x", "--what=nothing", "--what=run"}).code == 1);
    const Outcome o = call({"x", "--seed", "3", "--what", "print", "--seed", "7"});
    CHECK(o.code == 0);
    CHECK_THAT(o.out, Contains("\"seed\":7") && Contains("\"--seed\":\"7\""));
    // Lists grow instead.
    CHECK_THAT(call({"x", "--what", "print", "--list", "a", "--list", "b,c"}).out,
               Contains("\"--list\":[\"a\",\"b\",\"c\"]"));
}

TEST_CASE("the record holds the effective value of every option") {
    const auto options = [](const std::vector<std::string>& arguments) {
        const Outcome o = call(arguments);
        REQUIRE(o.code == 0);
        return nlohmann::json::parse(o.out).at("options");
    };
    const auto given = options({"x", "--what", "print", "--overwrite", "--json=true", "-q", "--verbose=false",
                                "--list", "a", "-o", "out"});
    CHECK(given == nlohmann::json{{"input", "x"}, {"--what", "print"}, {"--list", "a"}, {"--share", nullptr},
                                  {"--rate", "1"}, {"--weights", nullptr}, {"--output", "out"}, {"--overwrite", true},
                                  {"--seed", "0"}, {"--threads", nullptr}, {"--device", "auto"}, {"--json", true},
                                  {"--quiet", true}, {"--verbose", false}, {"--progress", "auto"}});
    const auto bare = options({"x", "--what", "print"});
    CHECK(bare.size() == given.size());
    CHECK(bare.at("--overwrite") == false);
    CHECK(bare.at("--output") == nullptr);
}

TEST_CASE("lists leave the positionals alone") {
    CHECK(call({"--list", "a,b", "x"}).code == 0);
    CHECK(call({"--list", "a", "x"}).code == 0);
}

TEST_CASE("help, version, manual page, completions") {
    const Outcome help = call({"--help"});
    CHECK(help.code == 0);
    CHECK(help.err.empty());
    CHECK_THAT(help.out, Contains("unit-tool") && Contains("--what HOW [nothing]") &&
                             Contains("Second - one.") && Contains("--threads INT") &&
                             !Contains("in [1") && !Contains("--manual"));
    const Outcome version = call({"--version"});
    CHECK(version.code == 0);
    CHECK_THAT(version.out, Catch::StartsWith("unit-tool (cortune) "));
    const Outcome manual = call({"--manual"});
    CHECK(manual.code == 0);
    CHECK_THAT(manual.out, Contains(".TH unit") && Contains(".SH EXIT STATUS") &&
                               Contains("\\-\\-what") && !Contains("in [1"));
    for (const char* shell : {"bash", "zsh", "fish"}) {
        const Outcome o = call({"--completion", shell});
        CHECK(o.code == 0);
        CHECK_THAT(o.out, Contains("what") && Contains("unit-tool"));
    }
    // A flag takes no value: the word after it is completed for itself.
    CHECK_THAT(call({"--completion", "fish"}).out,
               Contains("-l what -r -d") && Contains("-l overwrite -d") && Contains("-l help -d"));
    CHECK_THAT(call({"--completion", "zsh"}).out,
               Contains("'--what[How to end]:HOW:_files'") &&
                   Contains("'--overwrite[Replace the output where it exists]'"));
}

TEST_CASE("results on stdout, the rest on stderr") {
    const Outcome o = call({"x", "--what", "print", "--seed", "7"});
    CHECK(o.code == 0);
    CHECK_THAT(o.out, Contains("\"seed\":7") && Contains("\"--what\":\"print\"") &&
                          Contains("\"argv\":[\"unit-tool\",\"x\""));
    CHECK_THAT(o.err, Contains("warning: a warning") && Contains("some news") &&
                          Contains("peak memory") && !Contains("a detail"));
    const Outcome quiet = call({"x", "--what", "print", "-q"});
    CHECK(quiet.err == "unit-tool: warning: a warning\n");
    CHECK_THAT(call({"x", "--what", "print", "-v"}).err, Contains("a detail"));
}

TEST_CASE("a result that cannot be written is exit code 4") {
    for (const auto& arguments :
         {std::vector<std::string>{"x", "--what", "print"}, {"--help"}, {"--manual"}})
        CHECK(call(arguments, "/dev/full").code == 4);
}
