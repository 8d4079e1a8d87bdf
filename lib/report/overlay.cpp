// SPDX-License-Identifier: BSD-3-Clause
#include "report/overlay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report/gnuplot.hpp"

namespace cortune::report {
namespace {

using Colour = std::array<int, 3>;

// Nine equal steps of viridis (Smith & van der Walt 2015), perceptually uniform.
constexpr std::array<Colour, 9> viridis = {{{68, 1, 84}, {71, 45, 123}, {59, 82, 139}, {44, 114, 142}, {33, 144, 140}, {39, 173, 129}, {93, 200, 99}, {170, 220, 50}, {253, 231, 37}}};

std::string palette() {
    std::string out;
    for (std::size_t i = 0; i < viridis.size(); ++i)
        out += fmt::format("{}{} '#{:02x}{:02x}{:02x}'", i ? ", " : "", i, viridis[i][0], viridis[i][1], viridis[i][2]);
    return out;
}

// share: 0 … 1.
double channel(double share, std::size_t c) {
    const double at = std::clamp(share, 0., 1.) * (viridis.size() - 1);
    const auto low = std::min(static_cast<std::size_t>(at), viridis.size() - 2);
    const double rest = at - static_cast<double>(low);
    return viridis[low][c] * (1 - rest) + viridis[low + 1][c] * rest;
}

double largest_of(const float* map, std::int64_t size) {
    const float largest = *std::max_element(map, map + size * size);
    return largest > 0 ? static_cast<double>(largest) : 1;
}

}  // namespace

images::Image overlay(const std::uint8_t* rgb, const float* map, std::int64_t size) {
    const double top = largest_of(map, size);
    images::Image out{static_cast<int>(size), static_cast<int>(size), {}};
    for (std::int64_t i = 0; i < size * size; ++i) {
        const std::uint8_t* p = rgb + 3 * i;
        const double share = std::max(0., static_cast<double>(map[i])) / top, grey = .299 * p[0] + .587 * p[1] + .114 * p[2];
        for (std::size_t c = 0; c < 3; ++c) out.rgb.push_back(static_cast<std::uint8_t>(std::lround(.4 * grey + .6 * channel(share, c))));
    }
    return out;
}

images::Image colour_bar(int width, int height) {
    images::Image out{width, height, {}};
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            for (std::size_t c = 0; c < 3; ++c) out.rgb.push_back(static_cast<std::uint8_t>(std::lround(channel(static_cast<double>(x) / (width - 1), c))));
    return out;
}

std::string overlay_png(const std::uint8_t* rgb, const float* map, std::int64_t size, const std::string& title) {
    const double top = largest_of(map, size);
    const images::Image mapped = overlay(rgb, map, size);
    std::string picture = "$picture << EOD\n", blend = "$blend << EOD\n";
    for (std::int64_t i = 0; i < size * size; ++i) {
        const std::uint8_t* p = rgb + 3 * i;
        picture += fmt::format("{} {} {} {} {}\n", i % size, i / size, p[0], p[1], p[2]);
        const std::uint8_t* m = &mapped.rgb[static_cast<std::size_t>(3 * i)];
        blend += fmt::format("{} {} {} {} {}\n", i % size, i / size, m[0], m[1], m[2]);
    }
    const std::string script = picture + "EOD\n" + blend + "EOD\n$bar << EOD\n0 0 0\nEOD\n" +
        fmt::format("unset key\nunset tics\nunset border\nset size ratio -1\nset xrange [-0.5:{0}]\nset yrange [{0}:-0.5]\nset palette defined ({1})\nset cbrange [0:{2:.6g}]\n"
                    "set format cb '%.2g'\nset cbtics {3:.6g} font ',10'\nset multiplot title {4} noenhanced\nset tmargin at screen 0.84\nset bmargin at screen 0.06\n"
                    "set lmargin at screen 0.02\nset rmargin at screen 0.43\nunset colorbox\nplot $picture using 1:2:3:4:5 with rgbimage\n"
                    "set lmargin at screen 0.46\nset rmargin at screen 0.87\nset colorbox user origin 0.885,0.06 size 0.02,0.78\n"
                    "plot $blend using 1:2:3:4:5 with rgbimage, $bar using 1:2:3 with points pt 7 ps 0 palette\nunset multiplot\n",
                    static_cast<double>(size) - .5, palette(), top, top / 2, quoted(title));
    return png(script, 420, 220);
}

}  // namespace cortune::report
