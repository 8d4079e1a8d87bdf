// SPDX-License-Identifier: BSD-3-Clause
#include "weights/number_format.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <bit>
#include <cstring>
#include <stdexcept>

#include "core/error.hpp"

namespace cortune::weights {
namespace {

template <class T, class Convert>
std::vector<float> convert(std::span<const std::uint8_t> bytes, Convert to) {
    std::vector<float> out(bytes.size() / sizeof(T));
    for (std::size_t i = 0; i < out.size(); ++i) {
        T value;
        std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
        out[i] = to(value);
    }
    return out;
}

}  // namespace

static_assert(std::endian::native == std::endian::little, "weights are read as they lie in the file");

std::size_t element_size(NumberFormat format) {
    switch (format) {
        case NumberFormat::float16:
        case NumberFormat::bfloat16:
            return 2;
        case NumberFormat::float32:
            return 4;
        case NumberFormat::float64:
            return 8;
        case NumberFormat::integer:
            break;
    }
    throw std::logic_error("integers are no weights");
}

float half_to_float(std::uint16_t bits) {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
    const std::uint32_t exponent = (bits >> 10) & 0x1FU, fraction = bits & 0x3FFU;
    if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | fraction << 13);
    if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
    // Zero and subnormals: fraction · 2^−24, exact in float32.
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
}

std::vector<float> to_float(NumberFormat format, std::span<const std::uint8_t> bytes) {
    switch (format) {
        case NumberFormat::float16:
            return convert<std::uint16_t>(bytes, half_to_float);
        case NumberFormat::bfloat16:
            return convert<std::uint16_t>(bytes, [](std::uint16_t b) {
                return std::bit_cast<float>(static_cast<std::uint32_t>(b) << 16);
            });
        case NumberFormat::float32:
            return convert<float>(bytes, [](float x) { return x; });
        case NumberFormat::float64:
            return convert<double>(bytes, [](double x) { return static_cast<float>(x); });
        case NumberFormat::integer:
            break;
    }
    throw std::logic_error("integers are no weights");
}

std::int64_t element_count(const std::vector<std::int64_t>& shape, const std::string& where) {
    constexpr std::int64_t most = std::int64_t{1} << 40;
    std::int64_t count = 1;
    for (auto size : shape) {
        if (size < 0 || size > most || (size > 0 && count > most / size))
            throw BadInput(fmt::format("{}: impossible shape ({})", where, fmt::join(shape, ", ")));
        count *= size;
    }
    return count;
}

}  // namespace cortune::weights
