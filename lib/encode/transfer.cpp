// SPDX-License-Identifier: BSD-3-Clause
#include "encode/transfer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
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

namespace {

constexpr double not_tried = std::numeric_limits<double>::quiet_NaN();
constexpr GainTest no_test{not_tried, not_tried, not_tried, not_tried, not_tried, not_tried};

// By hemisphere, class and name what networks gain in a region of one target.
using ByRegion = std::map<std::array<std::string, 3>, std::vector<RegionGain>>;

bool counts(const TransferCell& c, const std::string& set) { return std::isfinite(c.difference) && (set == "all" || c.group == set); }
void add(ByRegion& to, const TransferCell& c) { to[{c.hemisphere, c.roi_class, c.roi}].push_back(c.gain); }

// The mean over networks of a region, then over the regions that `also` has, too.
RegionGain mean_of(const ByRegion& gains, const ByRegion& also) {
    std::vector<RegionGain> each;
    for (const auto& [region, networks] : gains)
        if (also.contains(region)) each.push_back(mean_gain(networks));
    return mean_gain(each);
}

}  // namespace

std::vector<TransferGroup> over_regions(const std::vector<TransferCell>& cells) {
    std::vector<TransferGroup> out;
    std::vector<std::array<std::string, 2>> pairs;
    for (const auto& c : cells)
        if (std::find(pairs.begin(), pairs.end(), std::array{c.source, c.target}) == pairs.end()) pairs.push_back({c.source, c.target});
    for (const auto& [source, target] : pairs)
        for (const char* set : region_sets) {
            TransferGroup g;
            g.source = source, g.target = target, g.group = set;
            ByRegion gains;
            for (const auto& c : cells) {
                if (c.source != source || c.target != target || !counts(c, set)) continue;
                g.within = c.within;
                g.optimistic |= c.optimistic;
                add(gains, c);
            }
            if (gains.empty()) continue;
            g.rois = static_cast<std::int64_t>(gains.size());
            g.test = test_gain(mean_of(gains, gains));
            out.push_back(std::move(g));
        }
    return out;
}

namespace {

// What a target's own networks gain, and what others' do.
struct Sides {
    ByRegion own, others;
    bool optimistic = false;
};

TransferTarget summarised(const std::string& target, const std::string& group, const Sides& sides) {
    TransferTarget out{target, group, 0, no_test, no_test, no_test, sides.optimistic};
    const bool both = std::any_of(sides.own.begin(), sides.own.end(), [&](const auto& r) { return sides.others.contains(r.first); });
    if (!both) {
        if (!sides.own.empty()) out.own = test_gain(mean_of(sides.own, sides.own));
        if (!sides.others.empty()) out.others = test_gain(mean_of(sides.others, sides.others));
        out.rois = static_cast<std::int64_t>(std::max(sides.own.size(), sides.others.size()));
        return out;
    }
    const RegionGain own = mean_of(sides.own, sides.others), others = mean_of(sides.others, sides.own);
    out.rois = std::count_if(sides.own.begin(), sides.own.end(), [&](const auto& r) { return sides.others.contains(r.first); });
    out.own = test_gain(own), out.others = test_gain(others), out.difference = test_difference(own, others);
    return out;
}

// The same thing of every seed.
template <class T, class Same, class Merge>
std::vector<T> merged(const std::vector<std::vector<T>>& seeds, const Same& same, const Merge& merge) {
    std::vector<T> out;
    for (const T& first : seeds.at(0)) {
        std::vector<const T*> found;
        for (const auto& seed : seeds)
            for (const T& t : seed)
                if (same(t, first)) found.push_back(&t);
        if (found.size() != seeds.size()) continue;
        T mean = first;
        for (const T* t : found) mean.rois = std::min(mean.rois, t->rois), mean.optimistic |= t->optimistic;
        merge(mean, found);
        out.push_back(std::move(mean));
    }
    return out;
}

template <class T>
GainTest mean_test(const std::vector<const T*>& of, GainTest T::*test) {
    std::vector<GainTest> all;
    for (const T* t : of) all.push_back(t->*test);
    return mean_over_seeds(all);
}

}  // namespace

std::vector<TransferTarget> over_sources(const std::vector<TransferCell>& cells) {
    std::vector<TransferTarget> out;
    std::vector<std::string> targets;
    for (const auto& c : cells)
        if (std::find(targets.begin(), targets.end(), c.target) == targets.end()) targets.push_back(c.target);
    for (const auto& target : targets)
        for (const char* set : region_sets) {
            Sides sides;
            for (const auto& c : cells) {
                if (c.target != target || !counts(c, set)) continue;
                add(c.within ? sides.own : sides.others, c);
                sides.optimistic |= c.optimistic;
            }
            if (!sides.own.empty() || !sides.others.empty()) out.push_back(summarised(target, set, sides));
        }
    return out;
}

std::vector<TransferGroup> mean_over_seeds(const std::vector<std::vector<TransferGroup>>& seeds) {
    return merged(seeds, [](const auto& a, const auto& b) { return a.source == b.source && a.target == b.target && a.group == b.group; },
                  [](auto& mean, const auto& of) { mean.test = mean_test(of, &TransferGroup::test); });
}

std::vector<TransferTarget> mean_over_seeds(const std::vector<std::vector<TransferTarget>>& seeds) {
    return merged(seeds, [](const auto& a, const auto& b) { return a.target == b.target && a.group == b.group; }, [](auto& mean, const auto& of) {
        mean.own = mean_test(of, &TransferTarget::own);
        mean.others = mean_test(of, &TransferTarget::others);
        mean.difference = mean_test(of, &TransferTarget::difference);
    });
}

}  // namespace cortune::encode
