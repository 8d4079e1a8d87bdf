// SPDX-License-Identifier: BSD-3-Clause
#include "linalg/threads.hpp"

#include <cblas.h>

#include <cstdlib>
#include <string_view>

namespace cortune::linalg {

void set_blas_threads(int threads) { openblas_set_num_threads(threads > 0 ? threads : 1); }
int blas_threads() { return openblas_get_num_threads(); }

std::string blas_version() {
    // "OpenBLAS 0.3.21 DYNAMIC_ARCH …"
    std::string config = openblas_get_config();
    const auto first = config.find(' '), second = config.find(' ', first + 1);
    if (first != std::string::npos) config = config.substr(first + 1, second - first - 1);
    return config + ' ' + openblas_get_corename();
}

std::string better_blas_kernel() {
#if defined(__x86_64__)
    if (std::getenv("OPENBLAS_CORETYPE")) return {};
    const std::string_view chosen = openblas_get_corename();
    const bool narrow = chosen == "Haswell" || chosen == "Zen";
    const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (narrow && wide) return "SkylakeX";
#endif
    return {};
}

}  // namespace cortune::linalg
