// SPDX-License-Identifier: BSD-3-Clause
// The one main of all tools: parses, runs, and turns every failure into a message, a
// hint and an exit code (core/error.hpp).
#pragma once

#include <functional>
#include <memory>

#include "cli/app.hpp"
#include "cli/context.hpp"
#include "cli/doc.hpp"

namespace cortune::cli {

int run_main(int argc, char** argv, const Doc& doc, const Common& common,
             const std::function<void(App&)>& declare,
             const std::function<void(Context&)>& run);

// `declare` binds a default-constructed Options to the command line, `run` gets it filled.
template <class Options>
int tool_main(int argc, char** argv, const Doc& doc, const Common& common,
              void (*declare)(App&, Options&), void (*run)(const Options&, Context&)) {
    auto options = std::make_shared<Options>();
    return run_main(
        argc, argv, doc, common, [=](App& app) { declare(app, *options); },
        [=](Context& context) { run(*options, context); });
}

}  // namespace cortune::cli
