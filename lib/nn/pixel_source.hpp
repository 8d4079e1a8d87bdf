// SPDX-License-Identifier: BSD-3-Clause
// Pictures for an epoch after the other: resident as uint8 where memory allows, else
// read from the file as they are needed. Both give the same values.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/dataset.hpp"
#include "nn/torch.hpp"

namespace cortune::nn {

class PixelSource {
  public:
    // `rows`: ascending rows of the dataset; `memory`: bytes that may stay resident.
    PixelSource(const datasets::DatasetFile& data, std::vector<std::int64_t> rows, std::uint64_t memory,
                torch::Device device);
    bool resident() const { return pixels_.defined(); }
    // `which`: ascending indices into `rows`. uint8 (count, size, size, 3).
    torch::Tensor get(const std::vector<std::int64_t>& which) const;

  private:
    const datasets::DatasetFile& data_;
    std::vector<std::int64_t> rows_;
    torch::Tensor pixels_;
};

}  // namespace cortune::nn
