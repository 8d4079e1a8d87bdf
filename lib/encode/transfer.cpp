// SPDX-License-Identifier: BSD-3-Clause
#include "encode/transfer.hpp"

#include <algorithm>
#include <array>

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
}

std::vector<TransferGroup> over_regions(const std::vector<TransferCell>& cells) {
    std::vector<TransferGroup> out;
    std::vector<std::array<std::string, 2>> pairs;
    for (const auto& c : cells)
        if (std::find(pairs.begin(), pairs.end(), std::array{c.source, c.target}) == pairs.end()) pairs.push_back({c.source, c.target});
    for (const auto& [source, target] : pairs)
        for (const char* group : {"all", "early", "higher"}) {
            TransferGroup g{source, target, group, false, 0, 0, {}, false};
            std::vector<double> effect, error;
            for (const auto& c : cells) {
                if (c.source != source || c.target != target || (g.group != "all" && c.group != g.group)) continue;
                g.within = c.within;
                g.optimistic |= c.optimistic;
                ++g.rois;
                g.share_improved += c.share_improved;
                effect.push_back(c.difference);
                error.push_back((c.high - c.low) / (2 * 1.959963984540054));
            }
            if (g.rois == 0) continue;
            g.share_improved /= static_cast<double>(g.rois);
            g.gain = stats::group_test(effect, error);
            out.push_back(std::move(g));
        }
    return out;
}

}  // namespace cortune::encode
