// SPDX-License-Identifier: BSD-3-Clause
// What a tuned network's embeddings of images and of responses know of each other, from a features file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/reporter.hpp"
#include "h5/file.hpp"
#include "h5/provenance.hpp"
#include "stats/info_nce.hpp"

namespace cortune::probe {

struct InformationJob {
    h5::Record record;
    std::filesystem::path features, output;  // output may be empty
    bool overwrite = false;
    double validation_share = .25;           // of the pairs, by a hash of the image's id: the temperature is chosen on these
    std::int64_t temperatures = 1000;        // tried: the network's own times 10^-2 … 10^2
    std::int64_t bootstraps = 1000, subsets = 20, seed = 0;
};

struct Information {
    std::string subject, hemisphere, roi, method;
    std::int64_t pairs = 0, validation_pairs = 0;  // held-out images on either side
    std::int64_t left_out = 0;                     // images that tuned the network
    double trained_temperature = 0, temperature = 0;
    double trained_bound = 0;                      // at the temperature that the network was tuned with
    double bound = 0;                              // at the one that was chosen; nats
    stats::BoundInterval interval{};
    double ceiling = 0;                            // log K
    bool saturated = false;                        // the bound is within a tenth of its ceiling: more pairs may show more
    std::vector<stats::CurvePoint> curve;
    std::vector<std::string> image;                // reported ones
    std::vector<double> loss;                      // of each, at the chosen temperature
};

// Throws BadInput for a file without the embeddings of both branches, or with fewer than 2 held-out pairs on a side.
Information measure_information(const InformationJob& job, Reporter& reporter);

// What a file of kind information says, without losses and the numbers of pairs of single images.
Information read_information(const h5::Input& input);

}  // namespace cortune::probe
