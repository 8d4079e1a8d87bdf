// SPDX-License-Identifier: BSD-3-Clause
// HDF5's library serves one thread at a time. Whoever calls it while another thread may do
// so, too, holds this.
#pragma once

#include <mutex>

namespace cortune::h5 {

class LibraryLock {
  public:
    LibraryLock() : lock_(mutex()) {}

  private:
    static std::mutex& mutex();
    std::lock_guard<std::mutex> lock_;
};

}  // namespace cortune::h5
