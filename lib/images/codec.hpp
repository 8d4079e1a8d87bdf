// SPDX-License-Identifier: BSD-3-Clause
// The two formats behind images::decode; each throws BadInput naming `name`.
#pragma once

#include "images/image.hpp"

namespace cortune::images {

// Beyond this a header is damaged or hostile (Pillow warns from 89 million on).
inline constexpr std::uint64_t most_pixels = 100'000'000;
void check_picture_size(std::uint64_t width, std::uint64_t height, const std::string& name);

Image decode_png(std::span<const std::uint8_t> bytes, const std::string& name);
// A file that ends early or whose data are damaged is refused, where libjpeg would
// fill the rest with grey.
Image decode_jpeg(std::span<const std::uint8_t> bytes, const std::string& name);

}  // namespace cortune::images
