// SPDX-License-Identifier: BSD-3-Clause
#include "core/staged_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "core/error.hpp"
#include "core/output_file.hpp"

namespace fs = std::filesystem;

namespace cortune {

StagedFolder::StagedFolder(const fs::path& target, bool overwrite, const std::string& marker, const std::string& what,
                           const std::function<bool(const std::string& name)>& ours)
    : target_(fs::absolute(target).lexically_normal()), overwrite_(overwrite) {
    if (!target_.has_filename()) target_ = target_.parent_path();
    std::error_code failed, ignored;
    const auto status = fs::symlink_status(target_, failed);
    if (failed && failed != std::errc::no_such_file_or_directory) throw OutputError(fmt::format("{}: {}", target.string(), failed.message()));
    if (fs::exists(status)) {
        if (!overwrite)
            throw OutputError(target.string() + ": exists already", "--overwrite replaces it");
        if (!fs::is_directory(target_, ignored) ||
            !(fs::is_empty(target_, ignored) || fs::exists(target_ / marker, ignored)))
            throw OutputError(
                fmt::format(
                    "{}: is not a folder that {} wrote (it has no {}), so it is not replaced",
                    target.string(), what, marker),
                "choose another output");
        for (const auto& entry : fs::directory_iterator(target_, ignored))
            if (const auto name = entry.path().filename().string(); name != marker && !ours(name))
                throw OutputError(fmt::format("{}: holds {}, which {} did not write, so it is not replaced", target.string(), name, what), "move that elsewhere, or choose another output");
    }
    if (!fs::is_directory(target_.parent_path(), ignored))
        throw OutputError(fmt::format("{}: the folder {} does not exist", target.string(),
                                      target_.parent_path().string()));
    part_ = part_path(target_);
    fs::remove_all(part_, ignored);
    fs::create_directories(part_, failed);
    if (failed) throw OutputError(fmt::format("{}: cannot be created: {}", part_.string(), failed.message()));
}

StagedFolder::~StagedFolder() {
    std::error_code ignored;
    if (!committed_) fs::remove_all(part_, ignored);
}

void StagedFolder::commit() {
    // Everything reaches the disk before the name appears.
    const int folder = ::open(part_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) throw cannot_write(target_, errno);
    const int unsynced = ::syncfs(folder) == 0 ? 0 : errno;
    ::close(folder);
    if (unsynced != 0) throw cannot_write(target_, unsynced);
    const fs::path old =
        part_.parent_path() / fmt::format(".{}.{}.old", target_.filename().string(), ::getpid());
    // Without leave to replace, what has appeared meanwhile makes the renaming fail.
    const bool replaces = overwrite_ && fs::exists(target_);
    if (replaces && std::rename(target_.c_str(), old.c_str()) != 0) throw cannot_write(target_, errno);
    if (const int error = give_name(part_, target_, false); error != 0) {
        if (replaces) std::rename(old.c_str(), target_.c_str());
        throw cannot_write(target_, error);
    }
    committed_ = true;
    sync_folder(target_.parent_path());
    std::error_code ignored;
    if (replaces) fs::remove_all(old, ignored);
}

}  // namespace cortune
