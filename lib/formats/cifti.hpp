// SPDX-License-Identifier: BSD-3-Clause
// CIFTI-2 dense scalar files (.dscalar.nii): maps × brainordinates. (CIFTI-2 specification,
// NITRC 2014.) Nothing of the CIFTI library shows here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace cortune::formats {

// One hemisphere's cortex in a file: its brainordinates from `offset` on are the surface's
// vertices `vertex`, in that order.
struct CortexModel {
    std::int64_t offset = 0;
    std::int64_t rank = 0;              // of its first brainordinate among those of both cortices
    std::int64_t surface_vertices = 0;  // of the whole surface, 32,492 on fsLR 32k
    std::vector<std::int32_t> vertex;
};

class CiftiFile {
  public:
    // Throws BadInput for what is no dense scalar file, or is cut short.
    explicit CiftiFile(const std::filesystem::path& path);
    ~CiftiFile();
    CiftiFile(CiftiFile&&) noexcept;
    const std::filesystem::path& path() const { return path_; }
    std::int64_t maps() const { return maps_; }
    std::int64_t brainordinates() const { return brainordinates_; }
    // "lh" or "rh". Throws BadInput where the file has no such cortex.
    const CortexModel& cortex(const std::string& hemisphere) const;
    // The values of one brainordinate in all maps.
    void read(std::int64_t brainordinate, float* out) const;

  private:
    struct Library;
    std::filesystem::path path_;
    std::unique_ptr<Library> library_;
    std::int64_t maps_ = 0, brainordinates_ = 0;
    CortexModel left_, right_;
};

// One surface's part of a file that is written; values: maps × vertex.size().
struct CortexValues {
    std::string hemisphere;
    CortexModel model;  // its offset is not used
    std::vector<float> values;
};

// The bytes of a file with these maps on the given cortices, lh first. Throws OutputError where
// $TMPDIR has no room.
std::string cifti_bytes(const std::vector<std::string>& map_names, const std::vector<CortexValues>& cortices);

}  // namespace cortune::formats
