// SPDX-License-Identifier: BSD-3-Clause
// Room on disk for what does not fit in memory: a file without a name, which ends with the
// process however that ends. Its whole size is allocated at once, so that a disk that is too
// small is noticed before the work begins.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace cortune {

class ScratchFile {
  public:
    // Throws OutputError naming the folder where it cannot hold that much; `mend` is the hint.
    ScratchFile(const std::filesystem::path& folder, std::uint64_t bytes, const char* mend);
    ~ScratchFile();
    ScratchFile(const ScratchFile&) = delete;
    ScratchFile& operator=(const ScratchFile&) = delete;

    // Both are safe from several threads at distinct places; throw OutputError.
    void write(std::uint64_t at, const void* from, std::uint64_t bytes);
    void read(std::uint64_t at, void* to, std::uint64_t bytes) const;

  private:
    [[noreturn]] void fail(const std::string& what) const;
    std::filesystem::path folder_;
    const char* mend_;
    int file_ = -1;
};

}  // namespace cortune
