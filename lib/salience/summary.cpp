// SPDX-License-Identifier: BSD-3-Clause
#include "salience/summary.hpp"

namespace cortune::salience {
namespace {

std::vector<double> taken(const std::vector<double>& values, const std::vector<std::size_t>& rows) {
    std::vector<double> out;
    for (const auto row : rows)
        if (row < values.size()) out.push_back(values[row]);
    return out;
}

std::vector<double> minus(std::vector<double> a, const std::vector<double>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
    return a;
}

}  // namespace

Summary summarise(const SalienceImages& images, std::int64_t resamples, std::uint64_t seed) {
    Summary out;
    std::vector<std::size_t> all, unseen;
    for (std::size_t i = 0; i < images.tuned.size(); ++i) {
        all.push_back(i);
        if (!images.tuned[i] && !images.fitted[i]) unseen.push_back(i);
    }
    out.optimistic = unseen.size() < 2 && unseen.size() < all.size();
    const auto& rows = out.optimistic ? all : unseen;
    out.images = static_cast<std::int64_t>(rows.size()), out.left_out = static_cast<std::int64_t>(all.size() - rows.size());
    const auto test = [&](std::vector<double> value) { return stats::mean_test(std::move(value), resamples, seed); };
    const auto& c = images.checks;
    out.index = test(taken(images.index, rows)), out.mirrored_index = test(taken(images.mirrored_index, rows));
    out.randomised = test(taken(c.randomised, rows));
    out.deletion = test(minus(taken(c.common_deletion_area, rows), taken(c.deletion_area, rows)));
    out.insertion = test(minus(taken(c.insertion_area, rows), taken(c.common_insertion_area, rows)));
    return out;
}

}  // namespace cortune::salience
