// SPDX-License-Identifier: BSD-3-Clause
// Does a network that was tuned to one subject help another? Per region, and over regions for every pair
// of a tuned network's subjects and a target subject (Mulrooney & Brockmeier 2024, "Transfer").
#pragma once

#include <string>
#include <vector>

#include "encode/region_mean.hpp"
#include "encode/roi_index.hpp"

namespace cortune::encode {

// One tuned network in one region of one target subject, against the untuned network in it.
struct TransferCell {
    std::string source;          // subjects that tuned it, and how: "subj01 infonce"
    std::string model;           // its file
    std::string source_roi;      // "lh V1v"
    std::string target;          // subject
    std::string hemisphere, roi_class, roi;  // in the target
    std::string group;           // "early", "higher" or "": of the source's region
    bool within = false;         // the target is among the source's subjects
    std::int64_t left_out = 0;   // images that were not scored since they tuned the network
    // What score_roi says of the pair.
    std::int64_t voxels = 0, images = 0;
    double r_untuned = 0, r = 0, difference = 0, low = 0, high = 0, p = 0, share_improved = 0, share_p = 0;
    bool optimistic = false;
    RegionGain gain;             // what groups of regions are made of
};

// Fills in the scores. `untuned`, `tuned`: one region each, of the same target.
void score_transfer(TransferCell& cell, const RoiKey& key, const RoiSource& untuned, const RoiSource& tuned, const EvaluationOptions& options, Reporter& reporter);

// All regions of a group (also "all") in which a source was tried on a target. Networks that were tried on one region,
// as those of several seeds are, or V1v's and V1d's on V1, are averaged there first.
struct TransferGroup {
    std::string source, target, group;
    bool within = false;
    std::int64_t rois = 0;       // of the target, with a score
    // Means over the regions. Interval and p are those of encode-eval for this mean: images are resampled, the
    // same ones in all regions, so that what regions share is kept.
    GainTest test{};
    bool optimistic = false;
};

std::vector<TransferGroup> over_regions(const std::vector<TransferCell>& cells);

// What networks are worth for one target: those that it (co-)tuned and those of others, each the mean over networks
// of a region and then over regions. Where both are there, only regions that both were tried on count.
struct TransferTarget {
    std::string target, group;
    std::int64_t rois = 0;
    GainTest own{}, others{};      // NaN where there is none
    GainTest difference{};         // own minus others, on the same draws of images; p NaN; share: difference of shares
    bool optimistic = false;
};

std::vector<TransferTarget> over_sources(const std::vector<TransferCell>& cells);

// The same with networks of other seeds, averaged (region_mean.hpp); pairs and targets that every seed has.
std::vector<TransferGroup> mean_over_seeds(const std::vector<std::vector<TransferGroup>>& seeds);
std::vector<TransferTarget> mean_over_seeds(const std::vector<std::vector<TransferTarget>>& seeds);

}  // namespace cortune::encode
