// SPDX-License-Identifier: BSD-3-Clause
// An RGB picture of 8 bits a channel, rows from the top, channels interleaved.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace cortune::images {

struct Image {
    int width = 0;
    int height = 0;
    std::vector<std::uint8_t> rgb;  // height × width × 3
};

// PNG (libpng) or JPEG (libjpeg-turbo, its default accurate decoder, as Pillow uses
// it), told apart by signature. Grey, palette and alpha pictures come back as
// Pillow's convert("RGB") gives them. Throws BadInput naming `name`.
Image decode(std::span<const std::uint8_t> bytes, const std::string& name);

// Truecolour 8-bit PNG; the same bytes for the same pixels.
std::vector<std::uint8_t> encode_png(const Image& image);

// Pillow's Image.resize(BILINEAR), bit for bit: separable triangle filter widened by
// the reduction factor (antialiasing), 8-bit fixed-point weights, horizontal pass
// rounded to 8 bits before the vertical one. Equal sizes return the picture.
Image resize_bilinear(const Image& source, int width, int height);

// The usual evaluation picture of ImageNet's networks: torchvision's Resize(256) and CenterCrop(224), for other
// sizes in that proportion. What the crop leaves out, the network does not see.
Image resize_and_crop(const Image& source, int size);

// SHA-256 of the decoded pixels (width and height as little-endian 32-bit, then rgb):
// the identity of the picture, whatever file it came in.
std::string pixel_sha256(const Image& image);

}  // namespace cortune::images
