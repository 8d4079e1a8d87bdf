// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <cstring>
#include <string_view>

#include "core/error.hpp"
#include "core/foreign_file.hpp"
#include "core/hash.hpp"
#include "images/codec.hpp"
#include "images/image.hpp"

namespace cortune::images {

Image decode(std::span<const std::uint8_t> bytes, const std::string& name) {
    static constexpr std::uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static constexpr std::uint8_t jpeg[] = {0xff, 0xd8, 0xff};
    auto starts_with = [&](std::span<const std::uint8_t> signature) {
        return bytes.size() >= signature.size() &&
               std::memcmp(bytes.data(), signature.data(), signature.size()) == 0;
    };
    if (starts_with(png)) return decode_png(bytes, name);
    if (starts_with(jpeg)) return decode_jpeg(bytes, name);
    refuse_pointer({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name);
    throw BadInput(fmt::format("{}: neither a PNG nor a JPEG picture", name));
}

void check_picture_size(std::uint64_t width, std::uint64_t height, const std::string& name) {
    if (width == 0 || height == 0 || width > most_pixels || height > most_pixels / width)
        throw BadInput(fmt::format("{}: a picture of {} × {} pixels; at most {} million are read", name, width,
                                   height, most_pixels / 1000000));
}

std::string pixel_sha256(const Image& image) {
    Sha256 hash;
    std::uint8_t size[8];
    for (int i = 0; i < 4; ++i) {
        size[i] = static_cast<std::uint8_t>(static_cast<std::uint32_t>(image.width) >> (8 * i));
        size[4 + i] = static_cast<std::uint8_t>(static_cast<std::uint32_t>(image.height) >> (8 * i));
    }
    hash.update(size, sizeof size);
    hash.update(image.rgb.data(), image.rgb.size());
    return to_hex(hash.digest());
}

}  // namespace cortune::images
