// SPDX-License-Identifier: BSD-3-Clause
// Which images make a batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace cortune::train {

// A permutation of n images drawn from (seed, stream), cut into batches; each batch is
// sorted (its order has no meaning, and files are read forward). The last partial batch
// is used; one of a single image joins its predecessor, since batch norm needs two.
std::vector<std::vector<std::int64_t>> epoch_batches(std::int64_t n, std::int64_t batch, std::int64_t seed,
                                                     std::uint64_t stream);

// A subject's batch: images of one subject alone.
struct SubjectBatch {
    std::size_t subject;
    std::vector<std::int64_t> images;  // indices into the subject's
};

// One epoch over all subjects, images[s] of subject s. One subject draws from (seed, epoch); of several
// each draws from a stream of its name, so that it does not depend on who else is there. `interleaved`:
// the batches of all in an order drawn from (seed, epoch); else one subject after the other.
std::vector<SubjectBatch> pooled_batches(const std::vector<std::string>& names, const std::vector<std::int64_t>& images, std::int64_t batch,
                                         std::int64_t seed, std::int64_t epoch, bool interleaved);

}  // namespace cortune::train
