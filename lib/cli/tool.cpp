// SPDX-License-Identifier: BSD-3-Clause
#include "cli/ranges.hpp"
#include "cli/tool.hpp"

#include <fmt/format.h>
#include <unistd.h>

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

void declare_common(App& app, const Common& common, Context& context, Asked& asked) {
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
        ->check(one_of({"auto", "always", "never"}))->type_name("WHEN")->capture_default_str()->group(group);
    app.add_flag("--manual", asked.manual)->group("");
    app.add_option("--completion", asked.completion)->group("");
    app.finish(group);
}

// Starts the program again with the better kernel in its environment (a few
// milliseconds, against minutes of products); goes on as it is where that fails.
void take_better_blas_kernel(char** argv) {
    const std::string kernel = linalg::better_blas_kernel();
    if (kernel.empty()) return;
    ::setenv("OPENBLAS_CORETYPE", kernel.c_str(), 1);
    ::execv("/proc/self/exe", argv);
}

std::string footer(const Doc& doc) {
    std::string out;
    for (const auto& paragraph : doc.description) out += fmt::format("{}{}\n", out.empty() ? "" : "\n", wrap(paragraph, 88));
    if (!doc.examples.empty()) out += "\nExamples:\n";
    for (const auto& e : doc.examples) out += fmt::format("  # {}\n  {}\n", e.comment, e.command);
    return out + fmt::format("\nMore: man {}", doc.name);
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
int parse(int argc, char** argv, App& app, const Doc& doc, Context& context, Asked& asked) {
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
    Parsed wanted = Parsed::run;
    if (const int refused = guarded(context, [&] { wanted = app.parse(argc, argv); }); refused != 0) return refused;
    if (wanted == Parsed::help) return print([&] { return app.help(); });
    if (wanted == Parsed::version) return print([&] { return fmt::format("{} (cortune) {}\n", doc.name, version()); });
    if (!asked.manual && asked.completion.empty()) return -1;
    context.error("--manual and --completion SHELL stand alone", "");
    return static_cast<int>(ExitCode::usage);
}

}  // namespace

int run_main(int argc, char** argv, const Doc& doc, const Common& common,
             const std::function<void(App&)>& declare,
             const std::function<void(Context&)>& run) {
    install_signal_handlers();
    Context context;
    context.tool = doc.name;
    context.argv.assign(argv, argv + argc);
    if (!context.argv.empty()) context.argv[0] = doc.name;
    if (common.threads) // before the options, whose default it is
        if (const int refused = guarded(context, [&] { context.threads = default_threads(); }); refused != 0) return refused;
    context.draws = common.seed;
    context.device = common.device ? "auto" : "cpu";
    Asked asked;
    App app(doc.summary, doc.name, footer(doc));
    const int declared = guarded(context, [&] {
        declare(app);
        declare_common(app, common, context, asked);
    });
    if (declared != 0) return declared;
    if (const int answer = parse(argc, argv, app, doc, context, asked); answer >= 0) return answer;
    if (common.threads && context.threads > threads_per_core * cores()) {
        const int most = threads_per_core * cores();
        context.warn(fmt::format("--threads {}: this process may use {} cores; {} threads are used", context.threads, cores(), most));
        context.threads = most;
    }
    if (common.threads) take_better_blas_kernel(argv);
    context.effective_options = app.effective();
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
