// SPDX-License-Identifier: BSD-3-Clause
#include "nn/features.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "nn/preprocess.hpp"

namespace cortune::nn {

std::vector<std::int64_t> tap_widths(const Backbone& backbone, const std::vector<std::string>& taps,
                                     int image_size, torch::Device device) {
    std::vector<std::int64_t> widths(taps.size());
    const auto blank = torch::zeros({1, 3, image_size, image_size}, device);
    backbone.tapped(blank, taps, [&](const std::string& name, const torch::Tensor& output) {
        widths[static_cast<std::size_t>(std::find(taps.begin(), taps.end(), name) - taps.begin())] = output.numel();
    });
    return widths;
}

torch::Tensor read_pixel_rows(const datasets::DatasetFile& data, std::span<const std::int64_t> rows) {
    const int side = data.header().image_size;
    const auto count = static_cast<std::int64_t>(rows.size());
    auto pixels = torch::empty({count, side, side, 3}, torch::kUInt8);
    auto* out = pixels.data_ptr<std::uint8_t>();
    const std::int64_t bytes = std::int64_t{3} * side * side;
    for (std::size_t i = 0; i < rows.size();) {
        std::size_t end = i + 1;
        while (end < rows.size() && rows[end] == rows[end - 1] + 1) ++end;
        data.read_pixels(static_cast<std::uint64_t>(rows[i]), end - i, out + static_cast<std::int64_t>(i) * bytes);
        i = end;
    }
    return pixels;
}

void forward_pass(const Backbone& backbone, const std::vector<std::string>& taps, std::int64_t total, const PixelReader& pixels,
                  int batch, torch::Device device, const TapSink& sink, Reporter& reporter) {
    for (std::int64_t first = 0; first < total; first += batch) {
        check_interrupt();
        const std::int64_t count = std::min<std::int64_t>(batch, total - first);
        backbone.tapped(normalise(pixels(first, count), torch::kFloat32, device), taps, [&](const std::string& name, const torch::Tensor& output) {
            sink(static_cast<std::size_t>(std::find(taps.begin(), taps.end(), name) - taps.begin()), first, output);
        });
        reporter.progress("forward pass", first + count, total);
    }
}

void extract_features(const Backbone& backbone, const std::vector<std::string>& taps, std::int64_t total, const PixelReader& pixels,
                      int batch, torch::Device device, const FeatureSink& sink, Reporter& reporter) {
    forward_pass(backbone, taps, total, pixels, batch, device,
                 [&](std::size_t layer, std::int64_t first, const torch::Tensor& output) {
                     const auto flat = output.contiguous().flatten(1).to(torch::kCPU, torch::kFloat32);
                     sink(layer, first, flat.size(0), flat.data_ptr<float>());
                 }, reporter);
}

void extract_features(const Backbone& backbone, const std::vector<std::string>& taps,
                      const datasets::DatasetFile& data, std::span<const std::int64_t> rows,
                      int batch, torch::Device device, const FeatureSink& sink, Reporter& reporter) {
    const auto read = [&](std::int64_t first, std::int64_t count) {
        return read_pixel_rows(data, rows.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
    };
    extract_features(backbone, taps, static_cast<std::int64_t>(rows.size()), read, batch, device, sink, reporter);
}

void check_image_size(const datasets::DatasetFile& data, const std::string& backbone, int wanted) {
    if (data.header().image_size != wanted)
        throw BadInput(fmt::format("{}:/pixels: expected images of {} px for {}, found {} px", data.where(),
                                   wanted, backbone, data.header().image_size),
                       fmt::format("extract the data set again with nsd-extract --size {}", wanted));
}

}  // namespace cortune::nn
