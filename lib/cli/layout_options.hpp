// SPDX-License-Identifier: BSD-3-Clause
// The layouts that nsd-extract reads, and the options of each.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/app.hpp"
#include "cli/context.hpp"
#include "datasets/extract.hpp"
#include "datasets/nod/nod.hpp"
#include "datasets/nsd/nsd.hpp"
#include "datasets/table.hpp"

namespace cortune::cli {

struct LayoutOptions {
    std::string layout, folder, subject;
    datasets::TableOptions table;
    datasets::nsd::NsdOptions nsd;
    datasets::nod::NodOptions nod;
    std::string scratch, stimuli, sessions, atlas, atlas_names, ceiling;
    std::map<std::string, std::vector<Option*>> of_layout;  // by the layouts that they are of
};

// Layout, folder and subject.
void declare_source(App& app, LayoutOptions& options);
// What is of one layout or of some.
void declare_layouts(App& app, LayoutOptions& options);
// What would be read. Throws UsageError for options of another layout, and what the layout's reader throws.
datasets::Plan plan_of(const LayoutOptions& options, Context& context);

}  // namespace cortune::cli
