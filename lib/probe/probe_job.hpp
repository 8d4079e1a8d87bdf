// SPDX-License-Identifier: BSD-3-Clause
// A classification probe, from a features file to a probe file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/reporter.hpp"
#include "h5/provenance.hpp"
#include "probe/probe_file.hpp"

namespace cortune::probe {

struct ProbeJob {
    h5::Record record;
    std::filesystem::path features, output, labels, reference;  // labels, reference: may be empty
    bool overwrite = false;
    std::string layer;            // empty: the file's only one
    std::vector<double> c = {1};  // of several the one with the least cross-validated log-loss, inside the training images
    int folds = 5;
    double test_share = .15;
    std::int64_t split_seed = 0, bootstraps = 1000, seed = 0;
    LogisticOptions solver;       // its c is not looked at
};

struct ProbeResult {
    ProbeHeader header;
    Scores scores;
    int iterations = 0;
    std::optional<Comparison> comparison;  // against the reference
    double reference_top1 = 0;
};

// A picture tests where datasets::split_of its id, the seed and the share says so: the same ones for every network.
// Throws BadInput for a layer that is not there, classes without training or pictures without a class, and a reference with other pictures.
ProbeResult run_probe(const ProbeJob& job, Reporter& reporter);

}  // namespace cortune::probe
