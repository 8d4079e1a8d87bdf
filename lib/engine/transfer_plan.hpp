// SPDX-License-Identifier: BSD-3-Clause
// Which networks are tried on which subjects' regions, and what that costs. Needs no LibTorch.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "encode/regions.hpp"
#include "encode/transfer.hpp"
#include "engine/engine.hpp"

namespace cortune::engine {

// One cell, and the files that it is scored from once they are there.
struct TransferPair {
    encode::TransferCell cell;  // without scores
    std::filesystem::path untuned, tuned;
};

struct TransferPlan {
    std::vector<EncodePass> passes;        // the untuned network first
    std::vector<TransferPair> pairs;
    std::vector<std::string> skipped;      // why a network was not tried on a subject
    std::vector<std::string> doubtful;     // what is tried and should be looked at
    std::uint64_t encoding_bytes = 0;      // of all encodings, about
    std::vector<std::int64_t> images;      // of each pass: different pictures
    std::vector<std::int64_t> fit_images;  // of each data set of each pass: a Gram matrix a layer each
};

// files: tuned models and data sets, in any order. A network is tried on every subject that has its
// hemisphere and its region, or what regions.hpp calls the same, with min_voxels voxels. `folder` is where
// encodings go. Throws BadInput for files of other kinds, networks that are not tuned, that began with another
// network than the untuned one or were given twice, data sets of another image size, two of one subject, and
// where nothing can be tried. Where fewer than three images are left to score, a pair is skipped.
TransferPlan plan_transfer(const std::vector<std::string>& files, const std::filesystem::path& untuned, const encode::Regions& regions, int min_voxels,
                           const std::filesystem::path& folder);

}  // namespace cortune::engine
