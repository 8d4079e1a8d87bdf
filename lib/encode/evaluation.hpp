// SPDX-License-Identifier: BSD-3-Clause
// What models' encodings are worth, region by region, and against the first of them.
// Values are paired by (subject, hemisphere, ROI class, ROI, vertex, image); the order of
// voxels and images in the files does not matter.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/reporter.hpp"
#include "encode/encoding_file.hpp"
#include "encode/region_mean.hpp"
#include "encode/regions.hpp"
#include "stats/group.hpp"
#include "stats/paired.hpp"

namespace cortune::encode {

// One model of the comparison. Several files where one is tuned per ROI or subject; a
// ROI of a subject may be in one of them only.
struct ModelFiles {
    std::string label;
    std::vector<EncodingFile> files;
};

struct EvaluationOptions {
    stats::ResampleOptions resample;
    bool allow_tuned_images = false;  // score images that tuned the model
    bool common_images = false;       // where models scored different images, those they share
    bool mixed_protocols = false;     // models of different protocols side by side
    bool voxel_tests = true;          // p and intervals of every voxel's r; else NaN
    bool across_runs = false;         // the permutations of a voxel's images leave runs
};

// One model in one ROI; NaN where there is nothing to say. r of a voxel is Pearson's,
// inside each fold and averaged over folds where there are folds; r2 is max(r, 0)².
struct ModelScores {
    bool present = false;     // the model has this ROI
    std::int64_t images = 0;  // scored
    std::string protocol;
    bool optimistic = false;  // its scores are, or the first model's, with which it is compared
    std::vector<float> r, r2;                  // V
    std::vector<float> r_low, r_high;          // V: 95 % bootstrap interval over images
    std::vector<double> p, q;                  // V: one-sided permutation p; Benjamini–Hochberg within the ROI
    std::vector<std::string> layer;            // taps, and the mean over voxels of the cross-validated r
    std::vector<double> layer_r;               // of each; empty for a union
    double mean_r, median_r, mean_r2;          // over the ROI's used voxels
    double mean_r_low, mean_r_high;            // 95 % bootstrap interval of the mean r over images
    double share_of_ceiling;                   // mean and median of r2 / NC as it is, over voxels with NC > 0
    double median_share_of_ceiling;
    double challenge_score;                    // Algonauts 2023: mean and median of min(1, r2 / NC), NC = 0 read as 1e-14
    double median_challenge_score;
    double above_ceiling;                      // voxels whose r2 exceeds NC
    double share_significant;                  // of used voxels with q <= .05
    // Against the first model.
    stats::PairedTest test;
    std::vector<float> difference, difference_low, difference_high;  // V; NaN for voxels not used
    std::vector<double> difference_p, difference_q;                  // V
};

inline constexpr std::size_t few_images = 10;  // with fewer, intervals and p mean little

struct RoiScores {
    std::string subject, hemisphere, roi_class, roi;
    std::string space;                         // of `vertex`
    std::vector<std::int32_t> column, vertex;  // V
    std::vector<float> noise_ceiling;          // V, share of variance; empty: none
    std::string ceiling_mode;                  // where it comes from; "none" without
    std::uint64_t image_set = 0;               // hash of the scored images' ids
    std::int64_t runs = 0;                     // inside which images were permuted; 0: across all
    std::int64_t voxels = 0;                   // used: those with an r for every model that has the ROI
    double ceiling_r;                          // mean over used voxels of sqrt(NC)
    std::vector<ModelScores> models;           // parallel to Evaluation::label
    bool few = false;                          // some fold has fewer than few_images scored images
};

// One model against the first over several regions of a subject: all that are compared, the early or the higher ones.
struct SetScores {
    std::string subject, set;             // "all", "early", "higher"
    std::size_t model = 0;                // index of the label
    std::int64_t rois = 0;                // in which both have an r
    double mean_r = 0, reference_r = 0;   // means over these of the mean r
    GainTest test{};
    bool optimistic = false;
};

// One model in one ROI, or in a set of them (ROI class "set", hemisphere "both"), over all subjects that have it.
struct GroupScores {
    std::string hemisphere, roi_class, roi;
    std::size_t model = 0;                // index of the label
    std::string quantity;                 // "mean_r", or "difference" from the first model
    std::vector<std::string> subject;
    std::vector<double> effect, low, high;  // per subject: the quantity and its 95 % bootstrap interval
    stats::GroupTest test;                // standard errors from these intervals
    bool optimistic = false;              // of any subject
};

struct Evaluation {
    std::vector<std::string> label;
    std::vector<RoiScores> rois;  // those of the first model, in its files' order
    std::vector<SetScores> sets;      // of every subject and model but the first
    std::vector<GroupScores> groups;  // where there are several subjects
    std::string protocol;         // "mixed" where models differ
    bool optimistic = false;
    std::string optimistic_reason;
    std::vector<std::string> data_warnings;  // what the extractions found, "subject: check: …"
    std::vector<std::string> data_checks;    // what else they looked at, likewise
    std::vector<std::string> unchecked;      // subjects whose data set says nothing of checks
};

// Throws BadInput where images that tuned a model, or that its ridge was fitted on, are scored, protocols are mixed, or
// models differ in images, pictures, voxels, folds or measured responses (each unless its
// option admits it). Voxels without r are left out with a warning, as are ROIs that the
// first model lacks.
Evaluation evaluate(const std::vector<ModelFiles>& models, const EvaluationOptions& options,
                    const Regions& regions, Reporter& reporter);

// Regions and sets that several subjects have, combined. Standard errors come from the subjects' intervals.
std::vector<GroupScores> over_subjects(const Evaluation& evaluation, std::uint64_t seed);

}  // namespace cortune::encode
