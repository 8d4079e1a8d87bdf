// SPDX-License-Identifier: BSD-3-Clause
#include "nn/pixel_source.hpp"

#include "nn/features.hpp"

namespace cortune::nn {

PixelSource::PixelSource(const datasets::DatasetFile& data, std::vector<std::int64_t> rows, std::uint64_t memory,
                         torch::Device device)
    : data_(data), rows_(std::move(rows)) {
    const auto side = static_cast<std::uint64_t>(data.header().image_size);
    if (rows_.size() * side * side * 3 <= memory) pixels_ = read_pixel_rows(data, rows_).to(device);
}

torch::Tensor PixelSource::get(const std::vector<std::int64_t>& which) const {
    if (resident()) return pixels_.index_select(0, torch::tensor(which, torch::kInt64).to(pixels_.device()));
    std::vector<std::int64_t> rows;
    for (auto i : which) rows.push_back(rows_[static_cast<std::size_t>(i)]);
    return read_pixel_rows(data_, rows);
}

}  // namespace cortune::nn
