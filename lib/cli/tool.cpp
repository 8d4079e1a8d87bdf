// SPDX-License-Identifier: BSD-3-Clause
#include "cli/ranges.hpp"
#include "cli/tool.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <system_error>

#include "cli/completion.hpp"
#include "cli/manual.hpp"
#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/system.hpp"
#include "core/text.hpp"
#include "linalg/threads.hpp"

namespace cortune::cli {
namespace {

// Asks for text about the tool instead of a run; hidden from --help.
struct Asked {
    bool manual = false;
    std::string completion;
};

void declare_common(CLI::App& app, const Common& common, Context& context, Asked& asked) {
    const std::string group = "Common options";
    if (common.output) {
        auto* o = app.add_option("-o,--output", context.output, "File to write")->type_name("FILE")->group(group);
        if (!common.output_optional) o->required();
        app.add_flag("--overwrite", context.overwrite, "Replace the output where it exists")->group(group);
    }
    if (common.seed)
        app.add_option("--seed", context.seed, "Seed of everything random")
            ->type_name("INT")->check(whole_at_least(0))->capture_default_str()->group(group);
    if (common.threads)
        app.add_option("--threads", context.threads,
                       "Threads to use; by default $CORTUNE_THREADS or $SLURM_CPUS_PER_TASK, else the cores this process may use, shared with others of the same launch")
            ->type_name("INT")->check(whole_between(1, 4096))->group(group);
    if (common.device)
        app.add_option("--device", context.device, "auto, cpu, cuda or cuda:N")
            ->type_name("DEVICE")->capture_default_str()->group(group);
    if (common.json) app.add_flag("--json", context.json, "Print the result as JSON")->group(group);
    app.add_flag("-q,--quiet", context.quiet, "Print nothing but results, warnings and errors")->group(group);
    app.add_flag("-v,--verbose", context.verbose, "Say more about what is done")->group(group);
    app.add_option("--progress", context.progress_mode,
                   "Progress on stderr: a bar on a terminal (auto), always a bar, or never")
        ->check(CLI::IsMember({"auto", "always", "never"}))->type_name("WHEN")->capture_default_str()->group(group);
    app.set_help_flag("-h,--help", "Print this help and exit")->group(group);
    app.set_version_flag("--version", fmt::format("{} (cortune) {}", context.tool, version()),
                         "Print the version and exit")->group(group);
    app.add_flag("--manual", asked.manual)->group("");
    app.add_option("--completion", asked.completion)->group("");
}

// Of an option that is repeated the last value counts, as in other tools, so that a script
// can append to a common list of options. What must be said anew every time is a mistake when said twice.
void let_the_last_count(CLI::App& app) {
    for (CLI::Option* option : app.get_options())
        if (!option->get_required() && option->get_items_expected_max() == 1 && option->get_multi_option_policy() == CLI::MultiOptionPolicy::Throw)
            option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

// Known by its type name or by its checks, "SHARE:FLOAT in [0 - 1]" or "FLOATS:POSITIVE",
// whatever name the value has.
bool takes_numbers(const CLI::Option& option) {
    const std::string type = option.get_type_name();
    for (const char* word : {"FLOAT", "SHARE", "POSITIVE", "NONNEGATIVE"})
        if (type.find(word) != std::string::npos) return true;
    return false;
}

// "nan", "-inf", "1e999": numbers to the parser, and a NaN passes every check of a range.
bool is_not_finite(const std::string& text) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    return !text.empty() && *end == '\0' && !std::isfinite(value);
}

void refuse_not_finite(const CLI::App& app) {
    for (const CLI::Option* option : app.get_options()) {
        if (!takes_numbers(*option)) continue;
        for (const auto& value : option->results())
            if (is_not_finite(value))
                throw UsageError(fmt::format("{}: expected a finite number, found '{}'", option->get_name(), value));
    }
}

// Flags are true or false, and an option with neither a value nor a default is null.
nlohmann::json effective_value(const CLI::Option& option) {
    if (!takes_value(option)) return option.count() > 0 && option.as<bool>();
    const auto given = option.count() > 0 ? option.reduced_results() : CLI::results_t{};
    if (given.size() > 1) return given;
    if (given.size() == 1) return given[0];
    if (!option.get_default_str().empty()) return option.get_default_str();
    return nullptr;
}

nlohmann::json effective_options(const CLI::App& app) {
    nlohmann::json out = nlohmann::json::object();
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_group().empty()) continue;
        const std::string name = option->get_name(false, false);
        if (name != "--help" && name != "--version") out[name] = effective_value(*option);
    }
    return out;
}

// CLI11 writes "INT:INT in [1 - 4096]"; what an option takes is its type name alone.
class Formatter : public CLI::Formatter {
  public:
    std::string make_option_opts(const CLI::Option* option) const override {
        if (!takes_value(*option)) return {};
        std::string out = value_name(*option).empty() ? "" : " " + value_name(*option);
        if (!option->get_default_str().empty()) out += " [" + option->get_default_str() + "]";
        if (option->get_required()) out += " (required)";
        return out;
    }
};

// Starts the program again with the better kernel in its environment (a few
// milliseconds, against minutes of products); goes on as it is where that fails.
void take_better_blas_kernel(char** argv) {
    const std::string kernel = linalg::better_blas_kernel();
    if (kernel.empty()) return;
    ::setenv("OPENBLAS_CORETYPE", kernel.c_str(), 1);
    ::execv("/proc/self/exe", argv);
}

// The tool's name in messages and man pages is its own, whatever the path it was run by.
void describe_app(CLI::App& app, const Doc& doc) {
    app.formatter(std::make_shared<Formatter>());
    app.get_formatter()->column_width(34);
    std::string footer;
    for (const auto& paragraph : doc.description)
        footer += (footer.empty() ? "" : "\n") + wrap(paragraph, 88) + '\n';
    if (!doc.examples.empty()) footer += "\nExamples:\n";
    for (const auto& e : doc.examples) footer += fmt::format("  # {}\n  {}\n", e.comment, e.command);
    footer += fmt::format("\nMore: man {}", doc.name);
    app.footer(footer);
}

int guarded(Context& context, const std::function<void()>& body) {
    try {
        body();
        return static_cast<int>(ExitCode::done);
    } catch (const Error& e) {
        context.error(e.what(), e.hint());
        return static_cast<int>(e.code());
    } catch (const Interrupted& e) {
        if (e.signal() != SIGPIPE) context.error("stopped by a signal; no partial output was left", "");
        return 128 + e.signal();
    } catch (const std::bad_alloc&) {
        context.error("not enough memory", "--memory, where the tool has it, or fewer --threads need less");
        return static_cast<int>(ExitCode::resource);
    } catch (const std::filesystem::filesystem_error& e) {
        context.error(e.what(), "");
        return static_cast<int>(ExitCode::failed);
    } catch (const std::system_error& e) {
        // Threads that cannot be started, chiefly.
        context.error(e.what(), "fewer --threads need less");
        return static_cast<int>(ExitCode::resource);
    } catch (const std::exception& e) {
        context.error(fmt::format("internal: {}", e.what()), "");
        return static_cast<int>(ExitCode::failed);
    }
}

}  // namespace

namespace {

// Runs what --help, --manual and the like ask for; -1 when a run is wanted.
int parse(int argc, char** argv, CLI::App& app, const Doc& doc, Context& context, Asked& asked) {
    auto print = [&](auto&& text) {
        return guarded(context, [&] {
            context.result(text());
            context.flush_results();
        });
    };
    // What prints and leaves needs none of the required options.
    if (argc == 2 && std::string_view(argv[1]) == "--manual")
        return print([&] { return manual_page(app, doc); });
    if (argc == 3 && std::string_view(argv[1]) == "--completion")
        return print([&] { return completion_script(app, doc, argv[2]); });
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        return print([&] { return app.help(); });
    } catch (const CLI::CallForVersion& e) {
        return print([&] { return std::string(e.what()) + '\n'; });
    } catch (const CLI::ParseError& e) {
        context.error(e.what(), context.tool + " --help lists the options");
        return static_cast<int>(ExitCode::usage);
    }
    if (const int refused = guarded(context, [&] { refuse_not_finite(app); }); refused != 0) return refused;
    if (!asked.manual && asked.completion.empty()) return -1;
    context.error("--manual and --completion SHELL stand alone", "");
    return static_cast<int>(ExitCode::usage);
}

}  // namespace

int run_main(int argc, char** argv, const Doc& doc, const Common& common,
             const std::function<void(CLI::App&)>& declare,
             const std::function<void(Context&)>& run) {
    install_signal_handlers();
    Context context;
    context.tool = doc.name;
    context.argv.assign(argv, argv + argc);
    if (!context.argv.empty()) context.argv[0] = doc.name;
    context.threads = default_threads();
    context.draws = common.seed;
    context.device = common.device ? "auto" : "cpu";
    Asked asked;
    CLI::App app(doc.summary, doc.name);
    const int declared = guarded(context, [&] {
        describe_app(app, doc);
        declare(app);
        declare_common(app, common, context, asked);
        let_the_last_count(app);
    });
    if (declared != 0) return declared;
    if (const int answer = parse(argc, argv, app, doc, context, asked); answer >= 0) return answer;
    if (common.threads && context.threads > threads_per_core * cores()) {
        const int most = threads_per_core * cores();
        context.warn(fmt::format("--threads {}: this process may use {} cores; {} threads are used", context.threads, cores(), most));
        context.threads = most;
    }
    if (common.threads) take_better_blas_kernel(argv);
    context.effective_options = effective_options(app);
    const int code = guarded(context, [&] {
        run(context);
        context.flush_results();
        context.summary();
    });
    // Without memory libraries hang while they are taken down (OpenBLAS waits for threads that never began).
    if (code == static_cast<int>(ExitCode::resource)) {
        std::fflush(nullptr);
        std::_Exit(code);
    }
    return code;
}

}  // namespace cortune::cli
