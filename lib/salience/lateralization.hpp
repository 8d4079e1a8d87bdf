// SPDX-License-Identifier: BSD-3-Clause
// Whether networks of the left and of the right hemisphere look at different halves of the same pictures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "salience/salience_file.hpp"
#include "stats/mean.hpp"

namespace cortune::salience {

// The band that is the whole picture comes first, then those of laterality.hpp.
inline constexpr std::size_t whole_picture = 0;

// Two sets of maps of the same score, one of either hemisphere: of networks tuned to it, or of its responses as one network predicts
// them. All indices are (left − right) / (left + right) of a map. Every mean is over the pictures where all that it is made of has mass.
struct BandTest {
    stats::MeanTest left, right;            // of the left and of the right hemisphere's maps; p by random signs: do they prefer a half?
    stats::MeanTest contralateral;          // half of right − left, picture by picture: above 0 where the right hemisphere's maps lie further left
                                            // than the left one's. p: within a picture the two are exchangeable under the null
    double exchange_p = 1;                  // two-sided, of left against right, all indices dealt anew
    stats::MeanTest left_gain, right_gain;  // minus the untuned network's; n = 0 without one
    stats::MeanTest mirrored;               // contralateral of the mirrored pictures: what is of the networks stays
    stats::MeanTest left_own, right_own;    // half of index + mirrored index: what stays as pictures are mirrored
    double changes_sign = 0;                // share of maps (of both) whose index changes sign with the picture; NaN without the control
    double flip_r = 0;                      // correlation of index and mirrored index, mean of that of either hemisphere: −1 where all is of the picture
};

struct LateralPair {
    Score score;                                      // without hemisphere; subject and region are those of the network where the score has none
    std::string backbone, method, map_method, map_setting, layer, tap;
    std::string left_uuid, right_uuid, untuned_uuid;  // of the salience files; the last may be empty
    std::vector<std::string> image;                   // compared ones
    std::int64_t left_out = 0;                        // pictures that tuned a network or fitted a score
    std::int64_t other_class = 0;                     // pictures of which the two maps are of different classes
    std::vector<BandTest> band;
    double q = 0;                                     // Benjamini and Hochberg's of contralateral.p of the whole picture, over pairs
    std::string label() const;                        // for people: "subj01 V1v, class true, classifier.5, gradcam"
};

// A region over subjects: does it hold for hemispheres, not only for these networks?
struct LateralGroup {
    std::string label;
    std::string key;                  // equal where groups of two files are of the same; not read back from files
    std::vector<double> effect;       // of every subject, the mean over its pairs; not read back from files
    std::int64_t subjects = 0, pairs = 0;
    double contralateral = 0, p = 0;  // mean over subjects of the mean over their pairs; signs of the subjects exchangeable: at least 2 / 2ⁿ
};

struct Lateralization {
    std::vector<LateralPair> pairs;
    std::vector<LateralGroup> groups;
    std::vector<std::string> unpaired;  // files without a counterpart
    std::int64_t resamples = 0;
    bool optimistic = false;            // pictures that tuned the networks or fitted the scores are among them
};

struct LateralOptions {
    std::int64_t resamples = 10000;
    bool allow_seen = false;  // also pictures that tuned a network or fitted a score
    std::uint64_t seed = 0;
    int threads = 1;
};

// Pairs the files: equal in backbone, subject, region, method of tuning, score, layer, tap and method of maps, one of either hemisphere (several on a
// side, as of seeds: equally many, in the order given); the untuned network's of the same class or logit goes with all its pairs.
// Throws BadInput where nothing can be paired, where it is not clear what belongs together, where a file or a network comes twice, and
// where two files of a pair have fewer than two pictures in common.
Lateralization compare_hemispheres(const std::vector<SalienceFile>& files, const LateralOptions& options);

// Regions over the subjects of these pairs.
std::vector<LateralGroup> group_pairs(const std::vector<LateralPair>& pairs, std::int64_t resamples, std::uint64_t seed);

// What a file of kind lateralization says, without the images.
Lateralization read_lateralization(const h5::Input& input);

void write_lateralization(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const Lateralization& lateralization);

}  // namespace cortune::salience
