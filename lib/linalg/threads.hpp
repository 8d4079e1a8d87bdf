// SPDX-License-Identifier: BSD-3-Clause
// How many threads matrix products use. The number belongs to the process (OpenBLAS
// keeps one pool), so a function that wants another puts the old one back.
#pragma once

#include <string>

namespace cortune::linalg {

void set_blas_threads(int threads);
int blas_threads();

// OpenBLAS's version and the kernel it runs, "0.3.21 SkylakeX": both decide rounding.
std::string blas_version();

// The OpenBLAS kernel that this processor should run when the library, being older than
// the processor, chose a narrower one (0.3.21 takes Haswell's for a Zen 5, at a third of
// the speed in double); empty where its choice stands or $OPENBLAS_CORETYPE is set. It
// has to be in the environment before the library is loaded.
std::string better_blas_kernel();

// Sets the number for a scope. With 1, products may run on several threads of ours at
// once, each on its own, and their rounding does not depend on how many there are.
class BlasThreads {
  public:
    explicit BlasThreads(int threads) : before_(blas_threads()) { set_blas_threads(threads); }
    ~BlasThreads() { set_blas_threads(before_); }
    BlasThreads(const BlasThreads&) = delete;
    BlasThreads& operator=(const BlasThreads&) = delete;

  private:
    int before_;
};

}  // namespace cortune::linalg
