// SPDX-License-Identifier: BSD-3-Clause
#include "encode/transfer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <tuple>

#include "encode/roi_scores.hpp"
#include "stats/paired.hpp"

namespace cortune::encode {

void score_transfer(TransferCell& cell, const RoiKey& key, const RoiSource& untuned, const RoiSource& tuned, const EvaluationOptions& options, Reporter& reporter) {
    EvaluationOptions shared = options;
    shared.voxel_tests = false;   // a matrix has no room for them
    shared.common_images = true;  // those that tuned the network are left out of its file alone
    const RoiScores scores = score_roi(key, {untuned, tuned}, {false, false}, shared, reporter);
    const ModelScores& model = scores.models.at(1);
    cell.voxels = scores.voxels;
    cell.images = model.images;
    cell.r_untuned = scores.models[0].mean_r;
    cell.r = model.mean_r;
    cell.difference = model.test.difference;
    cell.low = model.test.low;
    cell.high = model.test.high;
    cell.p = model.test.p;
    cell.share_improved = model.test.share_improved;
    cell.share_p = model.test.share_p;
    cell.optimistic = model.optimistic;
    cell.permuted = model.test.permuted;
    cell.resampled = model.test.resampled;
    cell.permuted_excess = model.test.permuted_excess;
}

namespace {

// Numbers of a cell or a group, and of every resample: averaged alike.
struct Numbers {
    double gain = 0, excess = 0;  // share above 0 minus share below
    std::vector<double> permuted, resampled, permuted_excess;
};

Numbers numbers_of(const TransferCell& c) { return {c.difference, 2 * c.share_improved - 1, c.permuted, c.resampled, c.permuted_excess}; }

void add(std::vector<double>& to, const std::vector<double>& values, double factor) {
    to.resize(std::max(to.size(), values.size()), 0);
    for (std::size_t i = 0; i < values.size(); ++i) to[i] += factor * values[i];
}

Numbers mean(const std::vector<Numbers>& of) {
    Numbers out;
    const double each = 1 / static_cast<double>(of.size());
    for (const Numbers& n : of) {
        out.gain += each * n.gain;
        out.excess += each * n.excess;
        add(out.permuted, n.permuted, each);
        add(out.resampled, n.resampled, each);
        add(out.permuted_excess, n.permuted_excess, each);
    }
    return out;
}

// (1 + #{|draw| ≥ |found|}) / (1 + draws); sums in another order are equal.
double two_sided(const std::vector<double>& draws, double found) {
    constexpr double tie = 1e-10;
    const auto beyond = std::count_if(draws.begin(), draws.end(), [&](double d) { return !(std::abs(d) < std::abs(found) - tie); });
    return (1 + static_cast<double>(beyond)) / (1 + static_cast<double>(draws.size()));
}

}  // namespace

std::vector<TransferGroup> over_regions(const std::vector<TransferCell>& cells) {
    std::vector<TransferGroup> out;
    std::vector<std::array<std::string, 2>> pairs;
    for (const auto& c : cells)
        if (std::find(pairs.begin(), pairs.end(), std::array{c.source, c.target}) == pairs.end()) pairs.push_back({c.source, c.target});
    for (const auto& [source, target] : pairs)
        for (const char* name : {"all", "early", "higher"}) {
            TransferGroup g;
            g.source = source, g.target = target, g.group = name;
            std::map<std::array<std::string, 3>, std::vector<Numbers>> regions;
            for (const auto& c : cells) {
                if (c.source != source || c.target != target || (g.group != "all" && c.group != g.group)) continue;
                g.within = c.within;
                if (!std::isfinite(c.difference)) continue;
                g.optimistic |= c.optimistic;
                regions[{c.hemisphere, c.roi_class, c.roi}].push_back(numbers_of(c));
            }
            if (regions.empty()) continue;
            std::vector<Numbers> each;
            for (const auto& [region, networks] : regions) each.push_back(mean(networks));
            const Numbers all = mean(each);
            g.rois = static_cast<std::int64_t>(each.size());
            g.gain = all.gain;
            g.share_improved = (1 + all.excess) / 2;
            g.p = two_sided(all.permuted, all.gain);
            g.share_p = two_sided(all.permuted_excess, all.excess);
            std::tie(g.low, g.high) = stats::interval(all.resampled);
            out.push_back(std::move(g));
        }
    return out;
}

}  // namespace cortune::encode
