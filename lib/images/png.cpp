// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>

#include "core/error.hpp"
#include "images/codec.hpp"

namespace cortune::images {
namespace {

// What libpng's callbacks see: the bytes that are read or written, and its last complaint.
struct Stream {
    std::span<const std::uint8_t> in;
    std::vector<std::uint8_t>* out = nullptr;
    char message[128] = "";
};

void failed(png_structp png, png_const_charp text) {
    auto& stream = *static_cast<Stream*>(png_get_error_ptr(png));
    std::strncpy(stream.message, text, sizeof stream.message - 1);
    png_longjmp(png, 1);
}

void ignored(png_structp, png_const_charp) {}

void take(png_structp png, png_bytep to, std::size_t count) {
    auto& in = static_cast<Stream*>(png_get_io_ptr(png))->in;
    if (count > in.size()) png_error(png, "the file ends early");
    std::copy_n(in.data(), count, to);
    in = in.subspan(count);
}

void give(png_structp png, png_bytep from, std::size_t count) {
    auto& out = *static_cast<Stream*>(png_get_io_ptr(png))->out;
    out.insert(out.end(), from, from + count);
}

// Both structs of one reading or writing.
class Codec {
  public:
    Codec(Stream& stream, bool reads) : reads_(reads) {
        const auto create = reads ? png_create_read_struct : png_create_write_struct;
        png = create(PNG_LIBPNG_VER_STRING, &stream, failed, ignored);
        info = png ? png_create_info_struct(png) : nullptr;
        if (!info) throw std::bad_alloc();
    }
    ~Codec() { reads_ ? png_destroy_read_struct(&png, &info, nullptr) : png_destroy_write_struct(&png, &info); }
    Codec(const Codec&) = delete;
    Codec& operator=(const Codec&) = delete;

    // Runs `step`, which must own nothing: libpng leaves it by longjmp. False after a
    // complaint, which is in the stream.
    template <class Step>
    bool run(Step step) {
        if (setjmp(png_jmpbuf(png)) != 0) return false;
        step(png, info);
        return true;
    }

    png_structp png = nullptr;
    png_infop info = nullptr;

  private:
    bool reads_;
};

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

void ask_for_rgb8(png_structp png, bool grey16) {
    png_set_interlace_handling(png);
    if (grey16) return png_set_strip_alpha(png);
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    png_set_gray_to_rgb(png);
}

std::vector<png_bytep> rows_of(std::vector<std::uint8_t>& pixels, std::size_t height) {
    std::vector<png_bytep> out(height);
    for (std::size_t y = 0; y < height; ++y) out[y] = pixels.data() + y * (pixels.size() / height);
    return out;
}

}  // namespace

Image decode_png(std::span<const std::uint8_t> bytes, const std::string& name) {
    Stream stream{bytes};
    Codec codec(stream, true);
    auto check = [&](bool done) {
        if (!done) throw BadInput(fmt::format("{}: damaged PNG ({})", name, stream.message));
    };
    png_set_read_fn(codec.png, &stream, take);
    check(codec.run([](auto* png, auto* info) { png_read_info(png, info); }));
    const auto width = png_get_image_width(codec.png, codec.info), height = png_get_image_height(codec.png, codec.info);
    check_picture_size(width, height, name);
    const bool grey16 = png_get_color_type(codec.png, codec.info) == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(codec.png, codec.info) == 16;
    check(codec.run([=](auto* png, auto* info) {
        ask_for_rgb8(png, grey16);
        png_read_update_info(png, info);
    }));
    Image out{static_cast<int>(width), static_cast<int>(height),
              std::vector<std::uint8_t>(png_get_rowbytes(codec.png, codec.info) * height)};
    auto rows = rows_of(out.rgb, height);
    // The picture is whole only when the file goes on to its end mark.
    check(codec.run([to = rows.data()](auto* png, auto*) {
        png_read_image(png, to);
        png_read_end(png, nullptr);
    }));
    if (grey16) out.rgb = grey16_to_rgb(out.rgb);
    return out;
}

std::vector<std::uint8_t> encode_png(const Image& image) {
    std::vector<std::uint8_t> out, pixels = image.rgb;
    Stream stream;
    stream.out = &out;
    Codec codec(stream, false);
    png_set_write_fn(codec.png, &stream, give, nullptr);
    auto rows = rows_of(pixels, static_cast<std::size_t>(image.height));
    const bool done = codec.run([&image, to = rows.data()](auto* png, auto* info) {
        png_set_IHDR(png, info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), 8, PNG_COLOR_TYPE_RGB,
                     PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
        png_write_info(png, info);
        png_write_image(png, to);
        png_write_end(png, info);
    });
    if (!done) throw RunFailed(fmt::format("a picture cannot be encoded ({})", stream.message));
    return out;
}

}  // namespace cortune::images
