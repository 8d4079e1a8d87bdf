// SPDX-License-Identifier: BSD-3-Clause
#include "landscape/distance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "linalg/threads.hpp"

namespace cortune::landscape {
namespace {

using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Square roots of rows that are made to sum to 1.
void take_roots(const float* p, std::int64_t count, std::int64_t classes, double* out, std::int64_t model, std::int64_t first) {
    for (std::int64_t i = 0; i < count; ++i, p += classes, out += classes) {
        double sum = 0;
        bool sound = true;
        for (std::int64_t c = 0; c < classes; ++c) sum += static_cast<double>(p[c]), sound = sound && p[c] >= 0;
        if (!sound || !(sum > 0) || !std::isfinite(sum))
            throw RunFailed(fmt::format("model {}: the probabilities of picture {} are none", model + 1, first + i + 1));
        for (std::int64_t c = 0; c < classes; ++c) out[c] = std::sqrt(static_cast<double>(p[c]) / sum);
    }
}

// Sums over pictures, one pair a thread's own.
struct Sums {
    Eigen::MatrixXd log_overlap, overlap;  // lower triangles
};

void add_picture(const double* roots, std::int64_t stride, std::int64_t models, std::int64_t classes, Eigen::MatrixXd& product, Sums& sums) {
    const Eigen::Map<const Rows, 0, Eigen::OuterStride<>> s(roots, models, classes, Eigen::OuterStride<>(stride));
    product.setZero();
    product.selfadjointView<Eigen::Lower>().rankUpdate(s);
    const double least = std::exp(-most);
    for (Eigen::Index j = 0; j < models; ++j)
        for (Eigen::Index i = j + 1; i < models; ++i) {
            const double b = std::min(product(i, j), 1.);
            sums.overlap(i, j) += b;
            sums.log_overlap(i, j) -= std::log(std::max(b, least));
        }
}

}  // namespace

Distances distances(std::int64_t models, std::int64_t images, std::int64_t classes, const ProbabilityReader& read, std::uint64_t memory, int threads,
                    Reporter& reporter) {
    const linalg::BlasThreads blas(1);  // a picture is one thread's
    const auto one = static_cast<std::uint64_t>(models * classes) * (sizeof(double) + sizeof(float));
    const std::int64_t block = std::clamp<std::int64_t>(static_cast<std::int64_t>(memory / one), 1, images);
    std::vector<double> roots(static_cast<std::size_t>(models * block * classes));
    std::vector<float> values(static_cast<std::size_t>(block * classes));
    const auto pieces = static_cast<std::size_t>(std::max(threads, 1));
    const Eigen::MatrixXd zero = Eigen::MatrixXd::Zero(models, models);
    std::vector<Sums> sums(pieces, {zero, zero});
    for (std::int64_t first = 0; first < images; first += block) {
        check_interrupt();
        const std::int64_t count = std::min(block, images - first);
        for (std::int64_t m = 0; m < models; ++m) {
            read(m, first, count, values.data());
            take_roots(values.data(), count, classes, roots.data() + m * block * classes, m, first);
        }
        parallel_for(pieces, threads, [&](std::size_t t) {
            Eigen::MatrixXd product(models, models);
            // A picture is always the same thread's, so that sums do not depend on how many fit in a block.
            for (std::int64_t i = 0; i < count; ++i)
                if (static_cast<std::size_t>(first + i) % pieces == t) add_picture(roots.data() + i * classes, block * classes, models, classes, product, sums[t]);
        });
        reporter.progress("pictures", first + count, images);
    }
    Distances out{zero, zero};
    for (std::size_t t = 1; t < pieces; ++t) sums[0].overlap += sums[t].overlap, sums[0].log_overlap += sums[t].log_overlap;
    const auto n = static_cast<double>(images);
    for (Eigen::Index j = 0; j < models; ++j)
        for (Eigen::Index i = j + 1; i < models; ++i) {
            out.bhattacharyya(i, j) = out.bhattacharyya(j, i) = sums[0].log_overlap(i, j) / n;
            out.angle(i, j) = out.angle(j, i) = std::acos(std::clamp(sums[0].overlap(i, j) / n, -1., 1.));
        }
    return out;
}

}  // namespace cortune::landscape
