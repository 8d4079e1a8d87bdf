// SPDX-License-Identifier: BSD-3-Clause
// Number formats that weights are stored in, as float32.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace cortune::weights {

enum class NumberFormat { float16, bfloat16, float32, float64, integer };

// Bytes of one element of a floating-point format.
std::size_t element_size(NumberFormat format);

// Elements at `bytes`, little-endian, as float32; the size of `bytes` is a multiple of
// the format's. float64 is rounded. Not for integers.
std::vector<float> to_float(NumberFormat format, std::span<const std::uint8_t> bytes);

// IEEE 754 binary16, subnormals, infinities and NaN included.
float half_to_float(std::uint16_t bits);

// Product of a shape. Throws BadInput beginning with `where` for a negative size or a
// product of more than 2^40.
std::int64_t element_count(const std::vector<std::int64_t>& shape, const std::string& where);

}  // namespace cortune::weights
