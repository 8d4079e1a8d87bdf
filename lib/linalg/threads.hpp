// SPDX-License-Identifier: BSD-3-Clause
// How many threads matrix products use. The number belongs to the process (OpenBLAS
// keeps one pool), so a function that wants another puts the old one back.
#pragma once

namespace cortune::linalg {

void set_blas_threads(int threads);
int blas_threads();

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
