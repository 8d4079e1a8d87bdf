// SPDX-License-Identifier: BSD-3-Clause
#include "report/palette.hpp"

#include <array>

namespace cortune::report {

const char* colour(std::size_t i) {
    static constexpr std::array<const char*, colour_count> all = {"#999999", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"};
    return all[i % all.size()];
}

std::string figure_style(bool optimistic) {
    const std::string mark = optimistic ? "set label 99 'optimistic' at screen 0.01, screen 0.97 textcolor rgb '#b34700' noenhanced\n" : "";
    return mark + "set border 3 lc rgb '#555555'\nset tics nomirror textcolor rgb '#333333'\nset grid ytics lc rgb '#dddddd' lw 1\n"
           "set key outside top center horizontal noenhanced\nset bmargin 6\n";
}

}  // namespace cortune::report
