// SPDX-License-Identifier: BSD-3-Clause
// FreeSurfer's MGH files, plain or gzipped (.mgh, .mgz): one value per vertex and frame,
// big-endian. (Format: FreeSurfer wiki, MghFormat.)
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace cortune::formats {

class MghFile {
  public:
    // Reads the header. Throws BadInput for another format, for a volume where a surface is
    // expected, and for a plain file of another size than its header says.
    explicit MghFile(const std::filesystem::path& path);
    const std::filesystem::path& path() const { return path_; }
    std::int64_t vertices() const { return vertices_; }
    std::int64_t frames() const { return frames_; }
    // Frame after frame of a plain file may be read in any order; a gzipped one is cheap in
    // ascending order. Throws BadInput where the file is cut short.
    std::vector<float> frame(std::int64_t index) const;

  private:
    struct Close {
        void operator()(void* file) const;
    };
    std::filesystem::path path_;
    std::int64_t vertices_ = 0, frames_ = 0;
    std::int32_t type_ = 0;
    std::unique_ptr<void, Close> file_;  // zlib's gzFile, which reads plain files as they are
};

// A whole file of float32, vertices × 1 × 1 × 1.
std::string mgh_bytes(const std::vector<float>& values);

}  // namespace cortune::formats
