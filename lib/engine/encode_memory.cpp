// SPDX-License-Identifier: BSD-3-Clause
#include "engine/encode_memory.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "core/text.hpp"
#include "nn/feature_store.hpp"

namespace cortune::engine {
namespace {

// Bytes that do not depend on how many decompositions run at a time.
double lasting_bytes(const EncodePlan& plan, const encode::RidgeOptions& ridge, bool save_weights) {
    const auto n = static_cast<double>(plan.rows.size()), fit = static_cast<double>(plan.sets.cv.size());
    const auto reported = static_cast<double>(plan.reported.size() + (plan.sets.keep_folds ? plan.sets.cv.size() : 0));
    const auto v = static_cast<double>(plan.voxels()), layers = static_cast<double>(plan.header.layer.size());
    double in_rois = 0;
    for (const auto& work : plan.rois) in_rois += static_cast<double>(work.at.size());
    const double k = std::min(static_cast<double>(ridge.components), fit);
    // Responses; a layer's predictions; the best so far with every layer's r and alpha.
    const double values = 4 * (n * v + reported * v + reported * in_rois) + 12 * layers * (v + in_rois);
    // Eigenvectors, scores and scaled scores of the folds, and of the refit.
    const double targets = fit + reported;
    const double paths = 4 * k * fit * (plan.sets.folds + 1) + 8 * k * targets + 4 * k * fit * static_cast<double>(ridge.alphas.size());
    const double panel = 4 * n * static_cast<double>(nn::panel_width);
    // The predictions of all penalties for a block of voxels.
    const double block = 4.0 * fit * static_cast<double>(ridge.alphas.size() + 3) * std::min(v, static_cast<double>(encode::voxel_block));
    // --save-weights: the chosen ROIs' responses, centred, their coefficients, and panels of the basis.
    const double weights = save_weights ? 4 * (n + fit + k) * in_rois + 8 * k * fit + 2 * panel : 0;
    return values + paths + panel + block + weights;
}

// The Gram matrix with the products of a panel, or with kernels and LAPACK's workspace.
double matrix_bytes(const EncodePlan& plan, int decompositions) {
    const auto n = static_cast<double>(plan.rows.size()), fit = static_cast<double>(plan.sets.cv.size());
    return 8 * n * n + std::max(4 * n * n, 24.0 * decompositions * fit * fit);
}

MemoryPlan plan_one(const EncodePlan& plan, std::uint64_t features, const encode::RidgeOptions& ridge, bool save_weights, std::uint64_t memory) {
    const double lasting = lasting_bytes(plan, ridge, save_weights);
    const int most = std::max(1, std::min(ridge.threads, plan.sets.folds + 1));
    for (const bool resident : {true, false})
        for (int parallel = most; parallel >= 1; --parallel) {
            const double used = lasting + matrix_bytes(plan, parallel) + (resident ? static_cast<double>(features) : 0);
            if (used <= static_cast<double>(memory)) return {resident, parallel};
        }
    throw ResourceError(fmt::format("{} images and {} voxels need {} beside their features, --memory allows {}", plan.rows.size(),
                                    plan.voxels(), format_bytes(lasting + matrix_bytes(plan, 1)),
                                    format_bytes(static_cast<double>(memory))),
                        "raise --memory, encode fewer ROIs at a time, or fewer images");
}

}  // namespace

MemoryPlan plan_memory(const std::vector<const EncodePlan*>& plans, std::int64_t images, std::uint64_t features, const encode::RidgeOptions& ridge,
                       bool save_weights, std::uint64_t memory) {
    MemoryPlan out{true, 1 << 10};
    for (const EncodePlan* plan : plans) {
        // A panel of features is of all the images, beside the one of this plan's alone.
        const bool part = images != static_cast<std::int64_t>(plan->rows.size());
        const auto others = part ? 4 * static_cast<std::uint64_t>(nn::panel_width) * static_cast<std::uint64_t>(images) : 0;
        const MemoryPlan one = plan_one(*plan, features, ridge, save_weights, memory - std::min(memory, others));
        out.resident &= one.resident;
        out.decompositions = std::min(out.decompositions, one.decompositions);
    }
    return out;
}

}  // namespace cortune::engine
