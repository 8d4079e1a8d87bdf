// SPDX-License-Identifier: BSD-3-Clause
#include "linalg/threads.hpp"

#include <cblas.h>

namespace cortune::linalg {

void set_blas_threads(int threads) { openblas_set_num_threads(threads > 0 ? threads : 1); }
int blas_threads() { return openblas_get_num_threads(); }

}  // namespace cortune::linalg
