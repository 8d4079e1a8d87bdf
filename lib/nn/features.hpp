// SPDX-License-Identifier: BSD-3-Clause
// The one forward pass: images of a dataset in, features of all tapped layers out.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/reporter.hpp"
#include "datasets/dataset.hpp"
#include "nn/backbone.hpp"
#include "nn/torch.hpp"

namespace cortune::nn {

// Flattened width of every tap, in the order given, for square images of one size.
std::vector<std::int64_t> tap_widths(const Backbone& backbone, const std::vector<std::string>& taps,
                                     int image_size, torch::Device device);

// uint8 (count, size, size, 3) of pictures [first, first + count).
using PixelReader = std::function<torch::Tensor(std::int64_t first, std::int64_t count)>;
// layer: index into `taps`; output: (count, channels, rows, columns) or (count, units), on the device;
// of pictures [first, first + count).
using TapSink = std::function<void(std::size_t layer, std::int64_t first, const torch::Tensor& output)>;

// Feeds pictures [0, total) through the backbone in batches.
void forward_pass(const Backbone& backbone, const std::vector<std::string>& taps, std::int64_t total, const PixelReader& pixels,
                  int batch, torch::Device device, const TapSink& sink, Reporter& reporter);

// The same as plain numbers: layer: index into `taps`; values: count × width, float32, flattened as torch.flatten
// does (channel, row, column); pictures [first, first + count).
using FeatureSink = std::function<void(std::size_t layer, std::int64_t first, std::int64_t count,
                                       const float* values)>;

// Feeds pictures [0, total) through the backbone in batches.
void extract_features(const Backbone& backbone, const std::vector<std::string>& taps, std::int64_t total, const PixelReader& pixels,
                      int batch, torch::Device device, const FeatureSink& sink, Reporter& reporter);
// The images `rows` (ascending) of `data`.
void extract_features(const Backbone& backbone, const std::vector<std::string>& taps,
                      const datasets::DatasetFile& data, std::span<const std::int64_t> rows,
                      int batch, torch::Device device, const FeatureSink& sink, Reporter& reporter);

// uint8 (count, size, size, 3) of some rows of a dataset, runs of rows in one read.
torch::Tensor read_pixel_rows(const datasets::DatasetFile& data, std::span<const std::int64_t> rows);

// Refuses a dataset whose pictures are not of the backbone's size.
void check_image_size(const datasets::DatasetFile& data, const std::string& backbone, int wanted);

}  // namespace cortune::nn
