// SPDX-License-Identifier: BSD-3-Clause
// What is kept of a run over many pictures that may be stopped.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/engine.hpp"

namespace cortune::engine {

// Finished parts of a run that may be stopped: files of kind features in a folder of their own.
class FeatureParts {
  public:
    // identity: of the run; parts of another are refused. Throws OutputError where there are parts and the run does not
    // resume, BadInput where it does and they are of another run.
    FeatureParts(const FeatureJob& job, std::string identity);
    std::filesystem::path path(std::int64_t first) const;
    bool has(std::int64_t first) const;
    const std::string& identity() const { return identity_; }
    void remove() const;  // of the parts, and of the folder where nothing else is in it

  private:
    std::vector<std::filesystem::path> found() const;
    std::filesystem::path folder_;
    std::string identity_;
};

}  // namespace cortune::engine
