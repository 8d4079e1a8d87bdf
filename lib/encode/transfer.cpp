// SPDX-License-Identifier: BSD-3-Clause
#include "encode/transfer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "encode/roi_scores.hpp"

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
    cell.gain = gain_of(model.test);
}

std::vector<TransferGroup> over_regions(const std::vector<TransferCell>& cells) {
    std::vector<TransferGroup> out;
    std::vector<std::array<std::string, 2>> pairs;
    for (const auto& c : cells)
        if (std::find(pairs.begin(), pairs.end(), std::array{c.source, c.target}) == pairs.end()) pairs.push_back({c.source, c.target});
    for (const auto& [source, target] : pairs)
        for (const char* name : {"all", "early", "higher"}) {
            TransferGroup g;
            g.source = source, g.target = target, g.group = name;
            std::map<std::array<std::string, 3>, std::vector<RegionGain>> regions;
            for (const auto& c : cells) {
                if (c.source != source || c.target != target || (g.group != "all" && c.group != g.group)) continue;
                g.within = c.within;
                if (!std::isfinite(c.difference)) continue;
                g.optimistic |= c.optimistic;
                regions[{c.hemisphere, c.roi_class, c.roi}].push_back(c.gain);
            }
            if (regions.empty()) continue;
            std::vector<RegionGain> each;
            for (const auto& [region, networks] : regions) each.push_back(mean_gain(networks));
            g.rois = static_cast<std::int64_t>(each.size());
            g.test = test_gain(mean_gain(each));
            out.push_back(std::move(g));
        }
    return out;
}

std::vector<TransferGroup> mean_over_seeds(const std::vector<std::vector<TransferGroup>>& seeds) {
    if (seeds.size() == 1) return seeds[0];
    std::vector<TransferGroup> out;
    const double each = 1 / static_cast<double>(seeds.size());
    for (const auto& first : seeds.at(0)) {
        TransferGroup mean = first;
        mean.test = {};
        std::size_t found = 0;
        for (const auto& seed : seeds)
            for (const auto& g : seed) {
                if (g.source != first.source || g.target != first.target || g.group != first.group) continue;
                ++found;
                mean.rois = std::min(mean.rois, g.rois);
                mean.optimistic |= g.optimistic;
                mean.test.gain += each * g.test.gain;
                mean.test.low += each * g.test.low;
                mean.test.high += each * g.test.high;
                mean.test.share_improved += each * g.test.share_improved;
                mean.test.p += each * g.test.p;
                mean.test.share_p += each * g.test.share_p;
            }
        if (found != seeds.size()) continue;
        mean.test.p = std::min(1.0, 2 * mean.test.p);
        mean.test.share_p = std::min(1.0, 2 * mean.test.share_p);
        out.push_back(std::move(mean));
    }
    return out;
}

}  // namespace cortune::encode
