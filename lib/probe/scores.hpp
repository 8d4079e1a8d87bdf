// SPDX-License-Identifier: BSD-3-Clause
// How good a classifier's probabilities are, and whether another's are better on the same pictures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "linalg/gram.hpp"

namespace cortune::probe {

struct Interval {
    double low, high;  // 2.5th and 97.5th percentile of a bootstrap over images
};

struct CalibrationBin {
    std::int32_t images = 0;
    double confidence = 0, accuracy = 0;  // means over them; 0 where there are none
};

struct Scores {
    double top1 = 0, top5 = 0;  // shares
    Interval top1_interval{};
    double log_loss = 0;        // nats, mean of −log p(true class)
    double calibration_error = 0;  // expected: mean over images of |accuracy − confidence| of their bin
    std::vector<CalibrationBin> bins;       // 15, by the probability of the likeliest class (Guo et al. 2017)
    std::vector<std::int32_t> confusion;    // classes × classes: true, predicted
    std::vector<char> right;                // per image: the likeliest class is the true one (the first of equals)
};

// p: images × classes; label: 0 … classes − 1. Top 5 counts a class of fifth rank among equals as a hit where fewer than
// five are likelier.
Scores score(const linalg::RowMatrixF& p, const std::vector<std::int32_t>& label, std::int64_t bootstraps, std::uint64_t seed);

struct Comparison {
    std::string reference;  // the other network, for people: "untuned", "subj01 lh V1v"
    double difference = 0;      // of top-1 shares: this − reference
    Interval interval{};        // of images drawn once for both
    std::int64_t gained = 0, lost = 0;  // images that only this one, or only the reference, has right
    double mcnemar_p = 1;       // exact, two-sided (McNemar 1947): gained against lost is a fair coin
};

// Of the same images, in the same order.
Comparison compare(const std::vector<char>& right, const std::vector<char>& reference, std::int64_t bootstraps, std::uint64_t seed);

}  // namespace cortune::probe
