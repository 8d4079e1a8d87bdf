// SPDX-License-Identifier: BSD-3-Clause
#include "cli/encode_options.hpp"

#include <algorithm>

#include "cli/ranges.hpp"
#include "core/text.hpp"

namespace cortune::cli {

void declare_encode_settings(App& app, engine::EncodeSettings& settings, EncodeWords& words) {
    app.add_option("--layers", settings.layers, "Modules to tap, e.g. features.2,classifier.5; default: those of the paper")
        ->delimiter(',')->allow_extra_args(false)->type_name("NAMES");
    app.add_option("--folds", settings.folds, "Folds of the cross-validation")->check(whole_between(2, 100))->capture_default_str()->type_name("INT");
    app.add_option("--fold-seed", settings.fold_seed, "Seed of the images' folds")->check(whole_at_least(0))->capture_default_str()->type_name("INT");
    app.add_option("--components", settings.ridge.components, "Principal components at most")
        ->check(whole_at_least(1))->capture_default_str()->type_name("INT");
    app.add_option("--alphas", settings.ridge.alphas, "Ridge penalties, separated by commas; default: 1e-1 … 1e7, 9 values")
        ->delimiter(',')->allow_extra_args(false)->check(above_zero())->type_name("FLOATS");
    app.add_option("--pca", words.pca, "exact, fast (truncated solver) or auto (fast where it is faster); narrow layers are exact where that is as fast")
        ->check(one_of({"auto", "exact", "fast"}))->capture_default_str()->type_name("MODE");
    app.add_option("--min-voxels", settings.min_voxels, "Leave out smaller ROIs")->check(whole_at_least(1))->capture_default_str()->type_name("INT");
    app.add_option("--memory", words.memory, "Memory for features, responses and matrices, beside the program and the network, e.g. 8G; default: half of what is free")->type_name("SIZE");
    app.add_option("--scratch", settings.scratch, "Folder for features that do not fit in --memory; default: $TMPDIR or /tmp")->type_name("DIR");
    app.add_option("--batch", settings.batch, "Images per forward pass")->check(whole_at_least(1))->capture_default_str()->type_name("INT");
}

void finish_encode_settings(engine::EncodeSettings& settings, const EncodeWords& words, int threads) {
    refuse_repeated("--layers", settings.layers);
    // The penalties of the published protocol.
    if (settings.ridge.alphas.empty()) settings.ridge.alphas = {1e-1, 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
    std::sort(settings.ridge.alphas.begin(), settings.ridge.alphas.end());
    settings.ridge.pca = words.pca == "exact" ? linalg::PcaMode::exact : words.pca == "fast" ? linalg::PcaMode::fast : linalg::PcaMode::automatic;
    settings.ridge.threads = threads;
    if (!words.memory.empty()) settings.memory = parse_bytes(words.memory);
    if (settings.scratch.empty()) settings.scratch = default_scratch();
}

std::filesystem::path default_scratch() {
    std::error_code none;
    const auto folder = std::filesystem::temp_directory_path(none);
    return none ? "/tmp" : folder;  // found unfit only where it is needed
}

}  // namespace cortune::cli
