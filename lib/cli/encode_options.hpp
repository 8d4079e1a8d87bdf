// SPDX-License-Identifier: BSD-3-Clause
// The options of all tools that encode, declared once.
#pragma once

#include <string>

#include "cli/app.hpp"
#include "engine/engine.hpp"

namespace cortune::cli {

// What is given as words.
struct EncodeWords {
    std::string pca = "auto", memory;
};

void declare_encode_settings(App& app, engine::EncodeSettings& settings, EncodeWords& words);

// Fills in what was left open, and what was given as words. Throws UsageError.
void finish_encode_settings(engine::EncodeSettings& settings, const EncodeWords& words, int threads);

// $TMPDIR or /tmp.
std::filesystem::path default_scratch();

}  // namespace cortune::cli
