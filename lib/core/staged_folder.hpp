// SPDX-License-Identifier: BSD-3-Clause
// A folder that appears whole or not at all.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace cortune {

// Built as the hidden sibling ".<name>.<pid>.part", renamed by commit(), removed by
// the destructor. An existing target is refused (OutputError) unless `overwrite`,
// and then only replaced if it is empty or holds `marker`, a file that says that the folder is ours, and nothing that
// `ours` does not know by its name: what others put there is not lost. One that appears before commit() is never replaced
// without `overwrite`. Whoever fills the folder writes the marker.
class StagedFolder {
  public:
    // what: for messages, "a simulation".
    StagedFolder(const std::filesystem::path& target, bool overwrite, const std::string& marker, const std::string& what,
                 const std::function<bool(const std::string& name)>& ours);
    ~StagedFolder();
    StagedFolder(const StagedFolder&) = delete;
    StagedFolder& operator=(const StagedFolder&) = delete;
    const std::filesystem::path& path() const { return part_; }
    void commit();

  private:
    std::filesystem::path target_, part_;
    bool overwrite_ = false, committed_ = false;
};

}  // namespace cortune
