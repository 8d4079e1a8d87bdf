// SPDX-License-Identifier: BSD-3-Clause
#include "nn/feature_store.hpp"

#include <algorithm>

namespace cortune::nn {

FeatureStore::FeatureStore(std::int64_t images, std::vector<std::int64_t> widths,
                           std::uint64_t memory, const std::filesystem::path& scratch)
    : images_(images) {
    std::uint64_t total = 0;
    for (auto width : widths) {
        layers_.push_back({width, total, {}, std::vector<char>(static_cast<std::size_t>(width), 0)});
        total += static_cast<std::uint64_t>(width * images);
    }
    if (total * sizeof(float) <= memory) resident_.resize(total);
    else file_.emplace(scratch, total * sizeof(float), "--scratch names a folder with more room, --memory keeps more in memory");
}

std::int64_t FeatureStore::panels(std::size_t layer) const {
    return (layers_[layer].width + panel_width - 1) / panel_width;
}

std::int64_t FeatureStore::columns(std::size_t layer, std::int64_t panel) const {
    return std::min(panel_width, layers_[layer].width - panel * panel_width);
}

std::uint64_t FeatureStore::panel_offset(std::size_t layer, std::int64_t panel) const {
    return layers_[layer].offset + static_cast<std::uint64_t>(images_ * panel * panel_width);
}

void FeatureStore::mark_live(Layer& layer, std::int64_t rows, const float* values) {
    const auto width = static_cast<std::size_t>(layer.width);
    if (layer.first.empty()) layer.first.assign(values, values + width);
    for (std::int64_t r = 0; r < rows; ++r) {
        const float* row = values + static_cast<std::size_t>(r) * width;
        for (std::size_t c = 0; c < width; ++c) layer.live[c] |= static_cast<char>(row[c] != layer.first[c]);
    }
}

std::int64_t FeatureStore::live(std::size_t layer) const {
    return std::count(layers_[layer].live.begin(), layers_[layer].live.end(), 1);
}

void FeatureStore::write(std::size_t layer, std::int64_t first, std::int64_t rows, const float* values) {
    const std::int64_t width = layers_[layer].width;
    mark_live(layers_[layer], rows, values);
    std::vector<float> block;
    for (std::int64_t p = 0; p < panels(layer); ++p) {
        const std::int64_t n = columns(layer, p);
        const std::uint64_t at = panel_offset(layer, p) + static_cast<std::uint64_t>(first * n);
        float* to = resident_.data() + at;
        if (on_disk()) {
            block.resize(static_cast<std::size_t>(rows * n));
            to = block.data();
        }
        for (std::int64_t r = 0; r < rows; ++r)
            std::copy_n(values + r * width + p * panel_width, n, to + r * n);
        if (on_disk()) file_->write(at * sizeof(float), block.data(), block.size() * sizeof(float));
    }
}

void FeatureStore::read_panel(std::size_t layer, std::int64_t panel, float* out) const {
    const auto count = static_cast<std::uint64_t>(images_ * columns(layer, panel));
    const std::uint64_t at = panel_offset(layer, panel);
    if (on_disk()) file_->read(at * sizeof(float), out, count * sizeof(float));
    else std::copy_n(resident_.data() + at, count, out);
}

}  // namespace cortune::nn
