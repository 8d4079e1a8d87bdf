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

// A network of each hemisphere, tuned to the same region, or predicting it; the same score, method and pictures. All indices are
// (left − right) / (left + right).
struct BandTest {
    stats::MeanTest left, right;            // of the left and of the right hemisphere's network; p by random signs: does it prefer a half?
    stats::MeanTest contralateral;          // half of right − left, image by image: above 0 where each network looks at the half of the visual field that its
                                            // hemisphere sees. p: within an image the two networks are exchangeable under the null
    double exchange_p;                      // two-sided, of left against right, all images' indices dealt anew
    stats::MeanTest left_gain, right_gain;  // minus the untuned network's; n = 0 without one
    stats::MeanTest mirrored;               // contralateral of the mirrored pictures: what is of the networks stays
    stats::MeanTest left_own, right_own;    // half of index + mirrored index: what stays as pictures are mirrored
    double changes_sign;                    // share of images (of both networks) whose index changes sign with the picture; NaN without the control
    double flip_r;                          // correlation of index and mirrored index over images and networks: −1 where all is of the picture
};

struct LateralPair {
    std::string subject, roi_class, roi, method, target, map_method, layer;
    std::string left_uuid, right_uuid, untuned_uuid;  // of the salience files; the last may be empty
    std::vector<std::string> image;                   // that both have
    std::int64_t left_out = 0;                        // images that tuned one of the networks
    std::vector<BandTest> band;
    double q = 0;                                     // Benjamini and Hochberg's of contralateral.p of the whole picture, over pairs
};

// Networks of one region over subjects and seeds: does it hold for networks, not only for these two?
struct LateralGroup {
    std::string roi_class, roi, method, target, map_method, layer;
    std::int64_t pairs = 0;
    double contralateral = 0, p = 0;  // mean of the pairs'; signs of the pairs exchangeable: at least 2 / 2ⁿ
};

struct Lateralization {
    std::vector<LateralPair> pairs;
    std::vector<LateralGroup> groups;
    std::vector<std::string> unpaired;  // files without a counterpart
    std::int64_t resamples = 0;
    bool optimistic = false;  // pictures that tuned the networks are among them
};

// Pairs the files: same subject, region, method of tuning, score, layer and method of maps, one of either hemisphere (several, as of
// seeds: in the order given); untuned ones go with all pairs of their score, layer and map method. Of a score that is a hemisphere's predicted response
// the hemisphere is the response's. Throws BadInput where nothing can be paired or two files of a pair have no images in common.
Lateralization compare_hemispheres(const std::vector<SalienceFile>& files, std::int64_t resamples, bool allow_tuned, std::uint64_t seed);

// What a file of kind lateralization says, without the images.
Lateralization read_lateralization(const h5::Input& input);

void write_lateralization(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const Lateralization& lateralization);

}  // namespace cortune::salience
