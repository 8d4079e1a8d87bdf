// SPDX-License-Identifier: BSD-3-Clause
// What an extraction looks for in the data that it copies: faults that go unnoticed until a
// result is wrong. Nothing here changes the data; findings go to the file and to stderr.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/reporter.hpp"
#include "h5/file.hpp"
#include "images/image.hpp"

namespace cortune::datasets {

struct Hemisphere;

struct Finding {
    std::string check;    // "constant_voxels", "alignment", …
    std::string where;    // hemisphere, ROI or file; empty: the whole data set
    double value = 0;     // the figure that it rests on
    bool warning = false; // else it is as it should be
    std::string text;     // one sentence
};

// Columns that never vary or repeat another one, from blocks of rows in order.
class ColumnCheck {
  public:
    explicit ColumnCheck(std::size_t columns);
    void add(const float* rows, std::size_t count);  // count × columns
    // One finding each: constant, with values that are not finite, duplicates.
    std::vector<Finding> findings(const Hemisphere& hemisphere) const;

  private:
    std::vector<float> first_;
    std::vector<std::uint64_t> hash_, bad_;
    std::vector<char> varies_;
    std::uint64_t rows_ = 0;
};

// Colour and orientation energy of a picture on a 6 × 6 grid: four orientations at two
// scales, luminance and two opponent colours per cell, cells of the left half first. Their
// regression predicts early visual responses well enough to notice a wrong order of rows.
inline constexpr std::size_t cell_features = 11, grid = 6;
inline constexpr std::size_t picture_features = cell_features * grid * grid;
std::vector<float> simple_features(const images::Image& picture);

// Responses of one hemisphere to look at: images × columns (row-major) of early visual areas,
// or of whatever there is.
struct EarlyResponses {
    std::string hemisphere;
    bool early = false;  // of known early visual areas (V1, V2, V3, their v and d), else of all columns
    std::size_t columns = 0;
    std::vector<float> values;
    // The single presentations behind them, in the order of the files: each one's image, stretch (from 0) and
    // columns. Stretches are sessions or runs, or where none are known pieces of the file in order.
    std::vector<std::size_t> trial_image;
    std::vector<std::size_t> trial_stretch;
    std::vector<float> trial_values;
    std::vector<std::string> stretch;  // what to call them
};

// Cross-validated ridge from simple features. "alignment": mean r against that of the same
// responses paired with other images, a warning where early areas do not beat it. "alignment_stretches": the
// same prediction against the presentations of each session, run or piece alone; a warning where one is
// like chance while others are not, as where trials moved against the design. "hemispheres":
// the half of the picture opposite to a hemisphere should predict it better than the other; a
// warning where it is the other way round in both. features: images × picture_features.
std::vector<Finding> alignment_findings(const std::vector<float>& features, std::size_t images,
                                        const std::vector<EarlyResponses>& responses);

// /checks of a data set file (cortune(5)).
void write_findings(h5::Node& root, const std::vector<Finding>& findings);

// "missing_masks": a ROI class that one hemisphere lacks was probably not downloaded.
Finding compare_classes(const Hemisphere& left, const Hemisphere& right);

}  // namespace cortune::datasets
