// SPDX-License-Identifier: BSD-3-Clause
// Plain output files, whole or not at all: the one place that writes them. What cannot go
// through it (HDF5, matrices written in blocks, whole folders) takes its steps from here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.hpp"

namespace cortune {

struct WriteOptions {
    bool overwrite = false;
    // On the disk when the call returns. Not needed in a folder that is synced as a whole
    // before it gets its name.
    bool durable = true;
};

// A whole file that waits for its name, so that several appear together or not at all:
// everything is on the disk under part_path(path); commit() renames it over `path`, a
// destructor without commit removes it. Throws as write_bytes.
class StagedFile {
  public:
    StagedFile(std::filesystem::path path, std::initializer_list<std::string_view> pieces, const WriteOptions& options = {});
    ~StagedFile();
    StagedFile(StagedFile&& other) noexcept;
    StagedFile& operator=(StagedFile&&) = delete;
    void commit();

  private:
    std::filesystem::path path_, part_;  // part_ is empty when nothing is left to do
    bool overwrite_, durable_;
};

// Writes the pieces one after the other to part_path(path), syncs that, renames it over
// `path` and syncs the folder. Throws OutputError with the system's reason; then nothing is
// left behind and what stood at `path` still stands (but where syncing the folder fails, after
// the renaming). Distinct files may be written at once.
void write_bytes(const std::filesystem::path& path, std::initializer_list<std::string_view> pieces,
                 const WriteOptions& options = {});

// Throws OutputError where something stands at `path` that may not be replaced: without
// `overwrite` anything, and always what is no regular file. UsageError for a path without a
// file name.
void check_output(const std::filesystem::path& path, bool overwrite);

// What a file is, by its first bytes: "hdf5", "safetensors", "gzip", "nifti" (also CIFTI), "mgh", "text" (no byte
// that text has not), else "other". "empty" for one without bytes. Good enough to tell what may be replaced.
std::string file_sort(const std::filesystem::path& path);

// Throws UsageError where two targets (option, path; empty paths do not count) are one
// file, or one is also an input.
void check_distinct(const std::vector<std::pair<std::string, std::filesystem::path>>& targets,
                    const std::vector<std::filesystem::path>& inputs);

// ".<name>.<pid>.part" in the folder of `path`.
std::filesystem::path part_path(const std::filesystem::path& path);

// "<path>: cannot be written (<the system's reason>)"
OutputError cannot_write(const std::filesystem::path& path, int error);

// All bytes at an offset of an open file, however many calls that takes. Gives errno, 0 for
// done; try_read_at gives end_of_file where the file ends before.
inline constexpr int end_of_file = -1;
int try_write_at(int file, const void* data, std::size_t bytes, std::int64_t offset);
int try_read_at(int file, void* data, std::size_t bytes, std::int64_t offset);
std::string read_failure(int error);  // "cut short", or the system's reason

// Gives a part file or folder its name. Without `overwrite` what has got the name in the meantime is kept, where the file
// system has a way to do so. 0 or errno.
int give_name(const std::filesystem::path& part, const std::filesystem::path& name, bool overwrite);

// As try_write_at. Throws OutputError naming `path`.
void write_at(int file, const std::filesystem::path& path, const void* data, std::size_t bytes,
              std::int64_t offset);

// Makes the names in a folder last. Throws OutputError; a file system that cannot do it, or a
// folder that cannot be opened for it, is no error.
void sync_folder(const std::filesystem::path& folder);

}  // namespace cortune
