// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/simulate/features.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>

namespace cortune::datasets::simulate {
namespace {

constexpr double wavelength = 4.5, envelope = 0.45 * wavelength;
constexpr int reach = 6;
constexpr float semisaturation = 0.035F;

struct Plane {
    int size = 0;
    std::vector<float> v;
    explicit Plane(int n = 0) : size(n), v(static_cast<std::size_t>(n) * static_cast<std::size_t>(n)) {}
    float& at(int x, int y) { return v[static_cast<std::size_t>(y * size + x)]; }
    float at(int x, int y) const { return v[static_cast<std::size_t>(y * size + x)]; }
    float clamped(int x, int y) const {
        return at(std::clamp(x, 0, size - 1), std::clamp(y, 0, size - 1));
    }
};

// Mean of the picture over each cell of an n × n grid (whole pixels, at least one).
std::array<Plane, 3> shrink(const images::Image& picture, int n) {
    std::array<Plane, 3> out{Plane(n), Plane(n), Plane(n)};
    for (int y = 0; y < n; ++y)
        for (int x = 0; x < n; ++x) {
            const int x0 = x * picture.width / n, x1 = std::max(x0 + 1, (x + 1) * picture.width / n);
            const int y0 = y * picture.height / n, y1 = std::max(y0 + 1, (y + 1) * picture.height / n);
            std::array<int, 3> sum{};
            for (int v = y0; v < y1; ++v)
                for (int u = x0; u < x1; ++u)
                    for (std::size_t c = 0; c < 3; ++c)
                        sum[c] += picture.rgb[3 * static_cast<std::size_t>(v * picture.width + u) + c];
            for (std::size_t c = 0; c < 3; ++c)
                out[c].at(x, y) =
                    static_cast<float>(sum[c]) / (255.0F * static_cast<float>((x1 - x0) * (y1 - y0)));
        }
    return out;
}

Plane halved(const Plane& in) {
    Plane out(in.size / 2);
    for (int y = 0; y < out.size; ++y)
        for (int x = 0; x < out.size; ++x)
            out.at(x, y) = 0.25F * (in.at(2 * x, 2 * y) + in.at(2 * x + 1, 2 * y) +
                                    in.at(2 * x, 2 * y + 1) + in.at(2 * x + 1, 2 * y + 1));
    return out;
}

// To the common grid: halves, keeps, or interpolates.
Plane on_grid(const Plane& in) {
    if (in.size == 2 * map_size) return halved(in);
    if (in.size == map_size) return in;
    Plane out(map_size);
    for (int y = 0; y < map_size; ++y)
        for (int x = 0; x < map_size; ++x) {
            const float u = 0.5F * (static_cast<float>(x) - 0.5F),
                        v = 0.5F * (static_cast<float>(y) - 0.5F);
            const int ix = static_cast<int>(std::floor(u)), iy = static_cast<int>(std::floor(v));
            const float fx = u - static_cast<float>(ix), fy = v - static_cast<float>(iy);
            out.at(x, y) = (1 - fy) * ((1 - fx) * in.clamped(ix, iy) + fx * in.clamped(ix + 1, iy)) +
                           fy * ((1 - fx) * in.clamped(ix, iy + 1) + fx * in.clamped(ix + 1, iy + 1));
        }
    return out;
}

using Taps = std::array<std::complex<float>, 2 * reach + 1>;

Taps taps(double frequency) {
    Taps out;
    double sum = 0;
    for (int i = -reach; i <= reach; ++i) sum += std::exp(-0.5 * i * i / (envelope * envelope));
    for (int i = -reach; i <= reach; ++i) {
        const double g = std::exp(-0.5 * i * i / (envelope * envelope)) / sum;
        out[static_cast<std::size_t>(i + reach)] = {static_cast<float>(g * std::cos(frequency * i)),
                                                    static_cast<float>(g * std::sin(frequency * i))};
    }
    return out;
}

struct Response {
    Plane even, amplitude;
};

// Rows are padded by the edge value, so the inner loops run without tests.
Response gabor(const Plane& in, const Taps& across, const Taps& down) {
    const int n = in.size, m = n + 2 * reach;
    std::vector<float> padded(static_cast<std::size_t>(m)), re(static_cast<std::size_t>(n * m)),
        im(re.size());
    for (int y = 0; y < m; ++y) {
        for (int x = 0; x < m; ++x)
            padded[static_cast<std::size_t>(x)] = in.clamped(x - reach, y - reach);
        float *r = &re[static_cast<std::size_t>(y * n)], *i = &im[static_cast<std::size_t>(y * n)];
        for (std::size_t t = 0; t < across.size(); ++t) {
            const float a = across[t].real(), b = across[t].imag();
            for (int x = 0; x < n; ++x) {
                r[x] += a * padded[static_cast<std::size_t>(x) + t];
                i[x] += b * padded[static_cast<std::size_t>(x) + t];
            }
        }
    }
    Response out{Plane(n), Plane(n)};
    std::vector<float> odd(static_cast<std::size_t>(n));
    for (int y = 0; y < n; ++y) {
        float* even = &out.even.at(0, y);
        std::fill(odd.begin(), odd.end(), 0.0F);
        for (std::size_t t = 0; t < down.size(); ++t) {
            const float a = down[t].real(), b = down[t].imag();
            const float* r = &re[(static_cast<std::size_t>(y) + t) * static_cast<std::size_t>(n)];
            const float* i = &im[(static_cast<std::size_t>(y) + t) * static_cast<std::size_t>(n)];
            for (int x = 0; x < n; ++x) {
                even[x] += a * r[x] - b * i[x];
                odd[static_cast<std::size_t>(x)] += a * i[x] + b * r[x];
            }
        }
        for (int x = 0; x < n; ++x)
            out.amplitude.at(x, y) = std::sqrt(even[x] * even[x] + odd[static_cast<std::size_t>(x)] *
                                                                       odd[static_cast<std::size_t>(x)]);
    }
    return out;
}

// Mean over a (2r+1)² window, clipped at the border by repeating the edge.
Plane local_mean(const Plane& in, int r) {
    Plane rows(in.size), out(in.size);
    const float scale = 1.0F / static_cast<float>(2 * r + 1);
    for (int y = 0; y < in.size; ++y)
        for (int x = 0; x < in.size; ++x) {
            float sum = 0;
            for (int d = -r; d <= r; ++d) sum += in.clamped(x + d, y);
            rows.at(x, y) = scale * sum;
        }
    for (int y = 0; y < in.size; ++y)
        for (int x = 0; x < in.size; ++x) {
            float sum = 0;
            for (int d = -r; d <= r; ++d) sum += rows.clamped(x, y + d);
            out.at(x, y) = scale * sum;
        }
    return out;
}

class Builder {
  public:
    Builder() { maps_.value.resize(static_cast<std::size_t>(channels) * map_size * map_size); }
    float* channel(int c) { return &maps_.value[static_cast<std::size_t>(c) * map_size * map_size]; }
    void store(int c, const Plane& plane) { std::copy(plane.v.begin(), plane.v.end(), channel(c)); }
    // Large only where both are.
    void both(int c, int a, int b) {
        const float *p = channel(a), *q = channel(b);
        float* out = channel(c);
        for (int i = 0; i < map_size * map_size; ++i) out[i] = p[i] * q[i];
    }
    FeatureMaps take() { return std::move(maps_); }

  private:
    FeatureMaps maps_;
};

void oriented(Builder& maps, int scale, const Plane& luminance) {
    std::vector<Response> bank;
    Plane total(luminance.size);
    for (int o = 0; o < orientations; ++o) {
        const double angle = std::numbers::pi * o / orientations, f = 2 * std::numbers::pi / wavelength;
        // The grating varies along `angle` + 90°, so that its bars lie along `angle`.
        bank.push_back(gabor(luminance, taps(-f * std::sin(angle)), taps(f * std::cos(angle))));
        for (std::size_t i = 0; i < total.v.size(); ++i) {
            const float a = bank.back().amplitude.v[i];
            total.v[i] += a * a / orientations;
        }
    }
    const Plane pool = local_mean(total, 3);
    for (int o = 0; o < orientations; ++o) {
        Response& r = bank[static_cast<std::size_t>(o)];
        for (std::size_t i = 0; i < pool.v.size(); ++i) {
            const float power = semisaturation * semisaturation + pool.v[i];
            r.amplitude.v[i] *= r.amplitude.v[i] / power;
            r.even.v[i] = std::max(0.0F, r.even.v[i]) / std::sqrt(power);
        }
        maps.store(energy_channel + scale * orientations + o, on_grid(r.amplitude));
        maps.store(linear_channel + scale * orientations + o, on_grid(r.even));
    }
}

void colours(Builder& maps, const std::array<Plane, 3>& rgb) {
    Plane red_green(rgb[0].size), blue_yellow(rgb[0].size);
    for (std::size_t i = 0; i < red_green.v.size(); ++i) {
        red_green.v[i] = rgb[0].v[i] - rgb[1].v[i];
        blue_yellow.v[i] = rgb[2].v[i] - 0.5F * (rgb[0].v[i] + rgb[1].v[i]);
    }
    int c = colour_channel;
    for (const Plane& opponent : {on_grid(red_green), on_grid(blue_yellow)})
        for (const float sign : {1.0F, -1.0F}) {
            Plane half(map_size);
            for (std::size_t i = 0; i < half.v.size(); ++i)
                half.v[i] = 3 * std::max(0.0F, sign * opponent.v[i]);
            maps.store(c++, half);
        }
}

void combinations(Builder& maps) {
    int c = corner_channel;
    for (int s = 0; s < scales; ++s) {
        const int base = energy_channel + s * orientations;
        for (int o = 0; o < orientations; ++o) maps.both(c++, base + o, base + (o + 2) % orientations);
        for (int o = 0; o < orientations / 2; ++o) maps.both(c++, base + o, base + o + 3);
    }
    for (const int turn : {0, 3})
        for (int o = 0; o < orientations; ++o)
            maps.both(c++, energy_channel + o, energy_channel + orientations + (o + turn) % orientations);
}

}  // namespace

FeatureMaps feature_maps(const images::Image& picture) {
    const auto rgb = shrink(picture, 2 * map_size);
    Plane luminance(2 * map_size);
    float mean = 0;
    for (std::size_t i = 0; i < luminance.v.size(); ++i) {
        luminance.v[i] = 0.299F * rgb[0].v[i] + 0.587F * rgb[1].v[i] + 0.114F * rgb[2].v[i];
        mean += luminance.v[i] / static_cast<float>(luminance.v.size());
    }
    for (float& v : luminance.v) v -= mean;
    Builder maps;
    for (int s = 0; s < scales; ++s) {
        oriented(maps, s, luminance);
        if (s + 1 < scales) luminance = halved(luminance);
    }
    colours(maps, rgb);
    combinations(maps);
    return maps.take();
}

}  // namespace cortune::datasets::simulate
