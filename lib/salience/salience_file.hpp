// SPDX-License-Identifier: BSD-3-Clause
// The `salience` file: maps of pictures and which half of them they lie in (layout in cortune(5)).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "h5/file.hpp"
#include "salience/checks.hpp"
#include "weights/network_note.hpp"

namespace cortune::salience {

// The score that maps are of. Two files are comparable where all but the hemisphere is equal.
struct Score {
    std::string kind;       // class, logit, response, pair
    std::string of;         // of class and logit: predicted, true, a class's name, a number
    std::string setting;    // of a class what the classifier was fitted with: "C 0.01, 320 pictures, 32 classes"
    std::string subject, hemisphere, roi_class, roi;  // whose responses; empty: nobody's. Of a pair those that tuned the network
    std::int64_t column = -1;                         // of a response: one column of the data set's; -1: the mean over the region
    std::string text() const;                         // for people: "class predicted", "response lh V1v"
};

struct SalienceHeader : weights::NetworkNote {
    std::string map_method;   // gradcam, gradcam++, hirescam, gradient, integrated-gradients, occlusion
    std::string map_setting;  // what else it depends on: "steps 16", "window 8"; empty: nothing
    Score score;
    std::string fit;          // how pictures came to the network's size; empty: those of a data set
    std::string layer, tap;   // the module that the score is made from, and the feature map of Grad-CAM
    int image_size = 0;
    bool flip_control = false;
    std::vector<std::string> image;
};

// What is known of the pictures in the end.
struct SalienceImages {
    std::vector<std::string> sha256, of;  // of: the class shown; empty where it is the same of all
    std::vector<std::int16_t> tuned, fitted;  // 1: the picture tuned the network; fitted the score's own weights (a probe's, a readout's)
    std::vector<double> score;                // of the network as it is
    std::vector<double> index, mirrored_index;            // laterality; mirrored: of the mirrored picture's map
    std::vector<double> band_index, mirrored_band_index;  // images × bands
    Checks checks;
};

class SalienceWriter {
  public:
    SalienceWriter(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const SalienceHeader& header);
    // count × image_size × image_size.
    void write(std::int64_t first, std::int64_t count, const float* maps);
    std::vector<float> read(std::int64_t first, std::int64_t count) const;  // what was written
    void finish(const SalienceImages& images);  // writes the rest and commits

  private:
    h5::Output file_;
    std::optional<h5::Dataset> map_;
    bool flip_control_;
};

class SalienceFile {
  public:
    explicit SalienceFile(const std::filesystem::path& path);
    const h5::Input& input() const { return input_; }
    const SalienceHeader& header() const { return header_; }
    const SalienceImages& images() const { return images_; }  // without the curves
    // image_size × image_size.
    std::vector<float> map(std::int64_t image) const;

  private:
    h5::Input input_;
    SalienceHeader header_;
    SalienceImages images_;
};

}  // namespace cortune::salience
