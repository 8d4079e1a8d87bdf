// SPDX-License-Identifier: BSD-3-Clause
// How far apart models are by what they say of the same pictures.
//
// Of two models with class probabilities p and q of N pictures (Mao et al. 2024, PNAS; Quinn et al. 2019, PNAS):
//     Bhattacharyya:  D = (1/N) Σ_n −log Σ_c √(p_nc q_nc), each picture's term at most `most`
//     angle:          arccos of (1/N) Σ_n Σ_c √(p_nc q_nc), the mean overlap
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <functional>

#include "core/reporter.hpp"

namespace cortune::landscape {

inline constexpr double most = 100;  // of −log: where no class has probability in both

// Probabilities of a model's pictures [first, first + count): count × classes, row-major. Rows are brought to a sum of 1.
using ProbabilityReader = std::function<void(std::int64_t model, std::int64_t first, std::int64_t count, float* out)>;

struct Distances {
    Eigen::MatrixXd bhattacharyya;  // symmetric, diagonal 0, in nats
    Eigen::MatrixXd angle;          // symmetric, diagonal 0, radians
};

// Reads every model's pictures once, in blocks that fit in `memory` bytes; products in double. Throws RunFailed for
// probabilities that are negative, not finite, or all 0.
Distances distances(std::int64_t models, std::int64_t images, std::int64_t classes, const ProbabilityReader& read, std::uint64_t memory, int threads,
                    Reporter& reporter);

}  // namespace cortune::landscape
