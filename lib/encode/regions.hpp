// SPDX-License-Identifier: BSD-3-Clause
// Regions of several atlases: which are the same, and which are early or higher visual areas.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace cortune::encode {

struct Region {
    std::string roi_class, roi;
    auto operator<=>(const Region&) const = default;
};

class Regions {
  public:
    // share/roi/regions.json. Throws BadInput naming what is not as it should be.
    explicit Regions(const std::filesystem::path& file);

    // "early", "higher" or "", of a union where all its parts are.
    std::string group(const Region& region) const;
    // What the region is called in classes that a subject has, itself first: where the subject has the
    // region's own class that is all. Unions are translated where all parts have one translation.
    std::vector<Region> among(const Region& region, const std::vector<std::string>& classes) const;

  private:
    std::map<Region, std::string> group_;
    std::map<Region, std::vector<Region>> same_;
};

}  // namespace cortune::encode
