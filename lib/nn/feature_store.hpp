// SPDX-License-Identifier: BSD-3-Clause
// The features of the one forward pass, all images and layers, until they are used:
// in memory where they fit, else in one unlinked scratch file. Kept in column panels
// (images × at most `panel_width` features, contiguous), the order in which Gram
// matrices read them; a batch of images writes one block of rows in each.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "core/scratch_file.hpp"

namespace cortune::nn {

inline constexpr std::int64_t panel_width = 2048;

class FeatureStore {
  public:
    // `memory`: bytes that may stay resident. Throws OutputError where the scratch
    // folder cannot hold the rest.
    FeatureStore(std::int64_t images, std::vector<std::int64_t> widths, std::uint64_t memory,
                 const std::filesystem::path& scratch);

    bool on_disk() const { return file_.has_value(); }
    std::int64_t images() const { return images_; }
    std::int64_t width(std::size_t layer) const { return layers_[layer].width; }
    std::int64_t panels(std::size_t layer) const;
    std::int64_t columns(std::size_t layer, std::int64_t panel) const;  // of one panel

    // rows × width of one layer, row-major, for images [first, first + rows).
    void write(std::size_t layer, std::int64_t first, std::int64_t rows, const float* values);
    // Columns of a layer that differ between any two of the images written so far: what
    // bounds the rank of its features (dead units do not count).
    std::int64_t live(std::size_t layer) const;

    // images × columns(layer, panel), row-major.
    void read_panel(std::size_t layer, std::int64_t panel, float* out) const;

  private:
    struct Layer {
        std::int64_t width;
        std::uint64_t offset;      // in floats
        std::vector<float> first;  // the first image's values
        std::vector<char> live;    // columns in which another image differed
    };
    static void mark_live(Layer& layer, std::int64_t rows, const float* values);
    std::uint64_t panel_offset(std::size_t layer, std::int64_t panel) const;

    std::int64_t images_;
    std::vector<Layer> layers_;
    std::vector<float> resident_;
    std::optional<ScratchFile> file_;
};

}  // namespace cortune::nn
