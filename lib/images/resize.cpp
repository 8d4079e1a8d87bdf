// SPDX-License-Identifier: BSD-3-Clause
// The arithmetic is Pillow's (src/libImaging/Resample.c): weights computed in double,
// rounded to fixed point with 22 fractional bits, sums of 32 bits rounded to 8 bits
// after each pass.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "images/image.hpp"

namespace cortune::images {
namespace {

constexpr int fraction_bits = 32 - 8 - 2;

// Weights of every output position over a run of source positions.
struct Weights {
    struct Run {
        int first = 0, count = 0;
    };
    int stride = 0;
    std::vector<Run> runs;
    std::vector<std::int32_t> fixed;  // output × stride
    const std::int32_t* of(int i) const { return fixed.data() + std::ptrdiff_t{i} * stride; }
};

Weights bilinear_weights(int from, int to) {
    Weights out;
    const double scale = static_cast<double>(from) / to;
    const double widening = std::max(scale, 1.0);
    const double support = widening;  // the triangle's half width is 1
    out.stride = static_cast<int>(std::ceil(support)) * 2 + 1;
    out.fixed.assign(static_cast<std::size_t>(to) * static_cast<std::size_t>(out.stride), 0);
    std::vector<double> w(static_cast<std::size_t>(out.stride));
    for (int i = 0; i < to; ++i) {
        const double centre = (i + 0.5) * scale;
        const double inverse = 1.0 / widening;
        const int first = std::max(static_cast<int>(centre - support + 0.5), 0);
        const int count = std::min(static_cast<int>(centre + support + 0.5), from) - first;
        double sum = 0;
        for (int k = 0; k < count; ++k) {
            const double distance = std::abs((k + first - centre + 0.5) * inverse);
            w[static_cast<std::size_t>(k)] = distance < 1.0 ? 1.0 - distance : 0.0;
            sum += w[static_cast<std::size_t>(k)];
        }
        std::int32_t* fixed = out.fixed.data() + std::ptrdiff_t{i} * out.stride;
        for (int k = 0; k < count; ++k) {
            const double weight = sum != 0.0 ? w[static_cast<std::size_t>(k)] / sum : 0.0;
            fixed[k] = static_cast<std::int32_t>(0.5 + weight * (1 << fraction_bits));
        }
        out.runs.push_back({first, count});
    }
    return out;
}

inline std::uint8_t rounded(std::int32_t sum) {
    return static_cast<std::uint8_t>(std::clamp(sum >> fraction_bits, 0, 255));
}
constexpr std::int32_t half = 1 << (fraction_bits - 1);

// Both passes are written so that the compiler vectorises them; AVX2 halves their time
// on the processors that have it, and integers give the same picture on all.
#define CORTUNE_INLINE inline __attribute__((always_inline))

// One row, widths from → runs.size(). The three channels of a tap lie side by side.
CORTUNE_INLINE void row_pass(const std::uint8_t* in, std::uint8_t* out, const Weights& weights) {
    for (std::size_t i = 0; i < weights.runs.size(); ++i) {
        const auto [first, count] = weights.runs[i];
        const std::int32_t* w = weights.of(static_cast<int>(i));
        const std::uint8_t* p = in + 3 * std::ptrdiff_t{first};
        std::int32_t r = half, g = half, b = half;
        for (int k = 0; k < count; ++k, p += 3) r += p[0] * w[k], g += p[1] * w[k], b += p[2] * w[k];
        out[3 * i] = rounded(r), out[3 * i + 1] = rounded(g), out[3 * i + 2] = rounded(b);
    }
}

CORTUNE_INLINE void column_pass(const std::uint8_t* in, std::size_t row, std::uint8_t* out, int first_row,
                                const Weights& weights, std::vector<std::int32_t>& sums) {
    for (std::size_t i = 0; i < weights.runs.size(); ++i) {
        const auto [first, count] = weights.runs[i];
        const std::int32_t* w = weights.of(static_cast<int>(i));
        std::int32_t* s = sums.data();
        for (std::size_t x = 0; x < row; ++x) s[x] = half;
        for (int k = 0; k < count; ++k) {
            const std::uint8_t* p = in + static_cast<std::size_t>(first + k - first_row) * row;
            const std::int32_t weight = w[k];
            for (std::size_t x = 0; x < row; ++x) s[x] += p[x] * weight;
        }
        std::uint8_t* o = out + i * row;
        for (std::size_t x = 0; x < row; ++x) o[x] = rounded(s[x]);
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void column_pass_avx2(const std::uint8_t* in, std::size_t row,
                                                      std::uint8_t* out, int first_row, const Weights& weights,
                                                      std::vector<std::int32_t>& sums) {
    column_pass(in, row, out, first_row, weights, sums);
}
#endif

void columns(const std::uint8_t* in, std::size_t row, std::uint8_t* out, int first_row, const Weights& weights) {
    std::vector<std::int32_t> sums(row);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return column_pass_avx2(in, row, out, first_row, weights, sums);
#endif
    column_pass(in, row, out, first_row, weights, sums);
}

}  // namespace

Image resize_bilinear(const Image& source, int width, int height) {
    if (width < 1 || height < 1 || source.width < 1 || source.height < 1)
        throw std::logic_error("resize_bilinear: an empty picture");
    if (width == source.width && height == source.height) return source;
    const Weights vertical = bilinear_weights(source.height, height);
    // Only the rows that the second pass reads.
    const int first = vertical.runs.front().first;
    const int last = vertical.runs.back().first + vertical.runs.back().count;
    const std::size_t in_row = 3 * static_cast<std::size_t>(source.width);
    const std::size_t out_row = 3 * static_cast<std::size_t>(width);
    const std::uint8_t* from = source.rgb.data() + static_cast<std::size_t>(first) * in_row;
    std::vector<std::uint8_t> narrow;
    if (width != source.width) {
        const Weights horizontal = bilinear_weights(source.width, width);
        narrow.resize(static_cast<std::size_t>(last - first) * out_row);
        for (int y = 0; y < last - first; ++y)
            row_pass(from + static_cast<std::size_t>(y) * in_row,
                     narrow.data() + static_cast<std::size_t>(y) * out_row, horizontal);
        from = narrow.data();
    }
    Image out{width, height, {}};
    const std::size_t size = static_cast<std::size_t>(height) * out_row;
    if (height == source.height) {
        out.rgb.assign(from, from + size);
    } else {
        out.rgb.resize(size);
        columns(from, out_row, out.rgb.data(), first, vertical);
    }
    return out;
}

Image resize_and_crop(const Image& source, int size) {
    // The shorter side becomes 256 / 224 of the crop's, the longer one is cut to a whole number.
    const auto shorter = static_cast<std::int64_t>(std::lround(size * 256. / 224.));
    const std::int64_t w = source.width, h = source.height;
    const int width = static_cast<int>(w <= h ? shorter : shorter * w / h), height = static_cast<int>(w <= h ? shorter * h / w : shorter);
    const Image resized = resize_bilinear(source, width, height);
    // Python's round: halves to even.
    const auto offset = [&](int side) { return static_cast<std::size_t>(std::nearbyint((side - size) / 2.)); };
    const std::size_t left = offset(width), top = offset(height), row = 3 * static_cast<std::size_t>(size);
    Image out{size, size, std::vector<std::uint8_t>(static_cast<std::size_t>(size) * row)};
    for (std::size_t y = 0; y < static_cast<std::size_t>(size); ++y) {
        const auto* from = resized.rgb.data() + 3 * ((top + y) * static_cast<std::size_t>(width) + left);
        std::copy(from, from + row, out.rgb.data() + y * row);
    }
    return out;
}

}  // namespace cortune::images
