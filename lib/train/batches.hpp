// SPDX-License-Identifier: BSD-3-Clause
// Which images make a batch.
#pragma once

#include <cstdint>
#include <vector>

namespace cortune::train {

// A permutation of n images drawn from (seed, epoch), cut into batches; each batch is
// sorted (its order has no meaning, and files are read forward). The last partial batch
// is used; one of a single image joins its predecessor, since batch norm needs two.
std::vector<std::vector<std::int64_t>> epoch_batches(std::int64_t n, std::int64_t batch, std::int64_t seed,
                                                     std::int64_t epoch);

}  // namespace cortune::train
