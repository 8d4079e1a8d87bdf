// SPDX-License-Identifier: BSD-3-Clause
// Ownership of HDF5 identifiers. HDF5 is behind one lock: keep its calls on one thread.
#pragma once

#include <hdf5.h>

#include <utility>

namespace cortune::h5 {

class Handle {
  public:
    Handle() = default;
    explicit Handle(hid_t id) : id_(id) {}
    Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(id_, other.id_);
        return *this;
    }
    ~Handle() { reset(); }
    hid_t get() const { return id_; }
    explicit operator bool() const { return id_ >= 0; }
    void reset() {
        if (id_ >= 0 && H5Iis_valid(id_) > 0) H5Idec_ref(id_);
        id_ = -1;
    }

  private:
    hid_t id_ = -1;
};

}  // namespace cortune::h5
