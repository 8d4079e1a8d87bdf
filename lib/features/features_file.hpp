// SPDX-License-Identifier: BSD-3-Clause
// The `features` file: what a network makes of pictures, for analyses that need no network
// (layout in cortune(5)). Rows are pictures, in the order of `image`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "h5/file.hpp"
#include "weights/network_note.hpp"

namespace cortune::features {

struct FeaturesHeader : weights::NetworkNote {
    double temperature = 0;                    // of its contrastive loss; 0: it has none
    std::string subject, dataset_uuid;         // whose pictures; empty for a folder
    std::string fit = "squash";                // how pictures came to the network's size: squash, crop
    std::string pool = "none";                 // over space: none, mean, max
    int image_size = 0;
    std::string pca_split;                     // images that components were fitted on: train (of `split`), all; empty: no components
    std::vector<std::string> image, image_sha256;  // id "<namespace>:<name>", SHA-256 of the decoded source pixels
    std::vector<std::string> split;                // of the data set: train, test, official_test; empty: unknown
    std::vector<std::int16_t> tuned;               // 1: it tuned the network (by id or by pixels)
};

// One array: images × axes[0] × axes[1] × …
struct FeatureArray {
    std::string group, name;  // "features", "features.2"; "embeddings", "image_z"
    std::vector<std::pair<std::string, std::int64_t>> axes;  // name within the group and length
    std::string long_name;
    std::int64_t width() const;  // product of the axes
};

class FeaturesWriter {
  public:
    // Image hashes and `tuned` of the header may still be unknown (empty).
    FeaturesWriter(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const FeaturesHeader& header,
                   const std::vector<FeatureArray>& arrays, bool half);
    // count × width values of arrays[array], for images [first, first + count).
    void write(std::size_t array, std::int64_t first, std::int64_t count, const float* values);
    // What was learned of the pictures on the way; before commit().
    void write_images(const std::vector<std::string>& sha256, const std::vector<std::int16_t>& tuned);
    h5::Node& root() { return file_.root(); }
    void commit() { file_.commit(); }

  private:
    h5::Output file_;
    std::vector<h5::Dataset> data_;
    std::vector<std::int64_t> width_;
    bool half_;
};

class FeaturesFile {
  public:
    // Throws BadInput for a file of another kind, and for parts that do not fit each other.
    explicit FeaturesFile(const std::filesystem::path& path);
    const h5::Input& input() const { return input_; }
    const FeaturesHeader& header() const { return header_; }
    std::int64_t images() const { return static_cast<std::int64_t>(header_.image.size()); }
    std::vector<std::string> layers() const { return arrays("features"); }  // in file order
    // "features/classifier.5": BadInput naming what is there, nearest first, where it is not.
    h5::Dataset array(const std::string& path) const;
    // Images [first, first + count) of an array, flattened.
    std::vector<float> read(const std::string& path, std::int64_t first, std::int64_t count) const;

  private:
    std::vector<std::string> arrays(const std::string& group) const;
    h5::Input input_;
    FeaturesHeader header_;
};

}  // namespace cortune::features
