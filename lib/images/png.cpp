// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>
#include <spng.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "core/error.hpp"
#include "images/codec.hpp"

namespace cortune::images {
namespace {

struct Free {
    void operator()(spng_ctx* context) const { spng_ctx_free(context); }
};
using Context = std::unique_ptr<spng_ctx, Free>;

// Pillow opens 16-bit grey as integers, and its conversion to RGB clips them at 255
// where every other 16-bit form keeps the high byte.
std::vector<std::uint8_t> grey16_to_rgb(const std::vector<std::uint8_t>& raw) {
    std::vector<std::uint8_t> out(raw.size() / 2 * 3);
    for (std::size_t i = 0; i < raw.size() / 2; ++i) {
        const std::uint8_t high = raw[2 * i], low = raw[2 * i + 1];  // big-endian, as in the file
        std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, high ? std::uint8_t{255} : low);
    }
    return out;
}

}  // namespace

Image decode_png(std::span<const std::uint8_t> bytes, const std::string& name) {
    auto check = [&](int code) {
        if (code != 0) throw BadInput(fmt::format("{}: damaged PNG ({})", name, spng_strerror(code)));
    };
    Context png(spng_ctx_new(0));
    if (!png) throw std::bad_alloc();
    check(spng_set_png_buffer(png.get(), bytes.data(), bytes.size()));
    spng_ihdr header{};
    check(spng_get_ihdr(png.get(), &header));
    check_picture_size(header.width, header.height, name);
    const bool grey16 = header.color_type == SPNG_COLOR_TYPE_GRAYSCALE && header.bit_depth == 16;
    const int format = grey16 ? SPNG_FMT_RAW : SPNG_FMT_RGB8;
    std::size_t size = 0;
    check(spng_decoded_image_size(png.get(), format, &size));
    Image out{static_cast<int>(header.width), static_cast<int>(header.height),
              std::vector<std::uint8_t>(size)};
    check(spng_decode_image(png.get(), out.rgb.data(), size, format, 0));
    // The picture is whole only when the file goes on to its end mark.
    check(spng_decode_chunks(png.get()));
    if (grey16) out.rgb = grey16_to_rgb(out.rgb);
    return out;
}

std::vector<std::uint8_t> encode_png(const Image& image) {
    auto check = [](int code) {
        if (code != 0) throw RunFailed(fmt::format("a picture cannot be encoded ({})", spng_strerror(code)));
    };
    Context png(spng_ctx_new(SPNG_CTX_ENCODER));
    if (!png) throw std::bad_alloc();
    check(spng_set_option(png.get(), SPNG_ENCODE_TO_BUFFER, 1));
    spng_ihdr header{};
    header.width = static_cast<std::uint32_t>(image.width);
    header.height = static_cast<std::uint32_t>(image.height);
    header.bit_depth = 8;
    header.color_type = SPNG_COLOR_TYPE_TRUECOLOR;
    check(spng_set_ihdr(png.get(), &header));
    check(spng_encode_image(png.get(), image.rgb.data(), image.rgb.size(), SPNG_FMT_PNG,
                            SPNG_ENCODE_FINALIZE));
    std::size_t size = 0;
    int error = 0;
    void* buffer = spng_get_png_buffer(png.get(), &size, &error);
    check(error);
    const auto* first = static_cast<const std::uint8_t*>(buffer);
    std::vector<std::uint8_t> out(first, first + size);
    std::free(buffer);
    return out;
}

}  // namespace cortune::images
