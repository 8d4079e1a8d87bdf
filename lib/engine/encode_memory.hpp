// SPDX-License-Identifier: BSD-3-Clause
// How --memory is spent: it bounds what an encoding holds of features, responses,
// predictions, Gram matrices and eigenvectors, beside the program and the network.
#pragma once

#include "engine/encode_plan.hpp"

namespace cortune::engine {

struct MemoryPlan {
    bool resident = true;          // the features stay in memory, else they go to scratch
    int decompositions = 1;        // at a time
};

// Plans that are solved one after the other on one store of `images`, whose layers' features take `features`
// bytes. Takes as many parallel decompositions as fit beside resident features, else beside features on scratch.
// Throws ResourceError saying what is needed where even one does not fit.
MemoryPlan plan_memory(const std::vector<const EncodePlan*>& plans, std::int64_t images, std::uint64_t features, const encode::RidgeOptions& ridge,
                       bool save_weights, std::uint64_t memory);

}  // namespace cortune::engine
