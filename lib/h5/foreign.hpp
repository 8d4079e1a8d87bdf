// SPDX-License-Identifier: BSD-3-Clause
// HDF5 files that are not cortune's: data sets as others distribute them, read, and written by
// the simulator.
#pragma once

#include <filesystem>
#include <memory>

#include "h5/node.hpp"

namespace cortune::h5 {

class Foreign {
  public:
    // Throws BadInput for what is no HDF5 file, or is cut short.
    explicit Foreign(const std::filesystem::path& path);
    const Node& root() const { return *root_; }

  private:
    Handle file_;
    std::unique_ptr<Node> root_;
};

// Plain data sets without scales or attributes, into a folder that appears as a whole (so
// nothing is synced or renamed here). Throws OutputError.
class ForeignOutput {
  public:
    explicit ForeignOutput(const std::filesystem::path& path);
    ~ForeignOutput();  // without close() the file is not going to be kept
    ForeignOutput(const ForeignOutput&) = delete;
    ForeignOutput& operator=(const ForeignOutput&) = delete;
    // Chunks that nobody writes take no room and read as 0.
    template <class T>
    Dataset create(const std::string& name, const Shape& shape, const Shape& chunk) {
        return create_raw(name, native_type<T>(), shape, chunk);
    }
    void close();

  private:
    Dataset create_raw(const std::string& name, hid_t type, const Shape& shape, const Shape& chunk);
    std::filesystem::path path_;
    Handle file_;
};

}  // namespace cortune::h5
