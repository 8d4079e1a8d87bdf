// SPDX-License-Identifier: BSD-3-Clause
#include <csetjmp>
#include <cstddef>
#include <cstdio>
// libjpeg's headers want the two above.
#include <fmt/format.h>
#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>

#include "core/error.hpp"
#include "images/codec.hpp"

namespace cortune::images {
namespace {

// libjpeg reports through this and jumps back; no C++ object lives between.
struct Trouble {
    jpeg_error_mgr base;
    std::jmp_buf back;
    char text[JMSG_LENGTH_MAX];
};

[[noreturn]] void stop(j_common_ptr info) {
    auto* trouble = reinterpret_cast<Trouble*>(info->err);
    info->err->format_message(info, trouble->text);
    std::longjmp(trouble->back, 1);
}

// Warnings mean that libjpeg made pixels up, but for these.
void judge(j_common_ptr info, int level) {
    if (level >= 0) return;
    const int code = info->err->msg_code;
    if (code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR) stop(info);
}

// Runs `step` and says whether it came back without trouble. The caller's frame holds
// whatever needs destruction.
template <class Step>
bool guarded(Trouble& trouble, Step step) {
    if (setjmp(trouble.back) != 0) return false;
    step();
    return true;
}

struct Decompressor {
    jpeg_decompress_struct info{};
    Trouble trouble{};
    Decompressor() {
        info.err = jpeg_std_error(&trouble.base);
        trouble.base.error_exit = stop;
        trouble.base.emit_message = judge;
    }
    ~Decompressor() { jpeg_destroy_decompress(&info); }
    Decompressor(const Decompressor&) = delete;
    Decompressor& operator=(const Decompressor&) = delete;
};

// Pillow takes four-channel JPEG by Adobe's convention (inverted) and converts CMYK to
// RGB as (255 − k) − c · (255 − k) / 255 in rounded 8-bit arithmetic.
void cmyk_to_rgb(std::vector<std::uint8_t>& pixels) {
    const std::size_t n = pixels.size() / 4;
    for (std::size_t i = 0; i < n; ++i) {
        const int light = pixels[4 * i + 3];
        std::uint8_t rgb[3];
        for (std::size_t c = 0; c < 3; ++c) {
            const int product = (255 - pixels[4 * i + c]) * light + 128;
            rgb[c] = static_cast<std::uint8_t>(std::clamp(light - (((product >> 8) + product) >> 8), 0, 255));
        }
        std::copy_n(rgb, 3, pixels.begin() + static_cast<std::ptrdiff_t>(3 * i));
    }
    pixels.resize(3 * n);
}

}  // namespace

Image decode_jpeg(std::span<const std::uint8_t> bytes, const std::string& name) {
    Decompressor jpeg;
    auto& info = jpeg.info;
    auto check = [&](bool fine) {
        if (!fine) throw BadInput(fmt::format("{}: damaged JPEG ({})", name, jpeg.trouble.text));
    };
    check(guarded(jpeg.trouble, [&] {
        jpeg_create_decompress(&info);
        jpeg_mem_src(&info, bytes.data(), bytes.size());
        jpeg_read_header(&info, TRUE);
    }));
    check_picture_size(info.image_width, info.image_height, name);
    const bool cmyk = info.num_components == 4;
    info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    const std::size_t row = std::size_t{info.image_width} * (cmyk ? 4 : 3);
    Image out{static_cast<int>(info.image_width), static_cast<int>(info.image_height),
              std::vector<std::uint8_t>(row * info.image_height)};
    std::uint8_t* pixels = out.rgb.data();
    check(guarded(jpeg.trouble, [&] {
        jpeg_start_decompress(&info);
        while (info.output_scanline < info.output_height) {
            JSAMPROW line = pixels + row * info.output_scanline;
            jpeg_read_scanlines(&info, &line, 1);
        }
        jpeg_finish_decompress(&info);
    }));
    if (cmyk) cmyk_to_rgb(out.rgb);
    return out;
}

}  // namespace cortune::images
