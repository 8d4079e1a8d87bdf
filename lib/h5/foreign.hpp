// SPDX-License-Identifier: BSD-3-Clause
// HDF5 files that are not cortune's: data sets as others distribute them, read only.
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

}  // namespace cortune::h5
