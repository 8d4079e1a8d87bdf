// SPDX-License-Identifier: BSD-3-Clause
#include "engine/feature_parts.hpp"

#include <fmt/format.h>

#include "core/error.hpp"
#include "core/text.hpp"
#include "h5/file.hpp"

namespace fs = std::filesystem;

namespace cortune::engine {

FeatureParts::FeatureParts(const FeatureJob& job, std::string identity) : folder_(job.checkpoint), identity_(std::move(identity)) {
    if (fs::weakly_canonical(fs::absolute(job.run.output).parent_path()) == fs::weakly_canonical(fs::absolute(folder_)))
        throw UsageError("-o: the folder of --checkpoint is for parts, which go when the output is whole", "another folder for one of them");
    std::error_code failed;
    fs::create_directories(folder_, failed);
    if (failed) throw OutputError(fmt::format("{}: no folder can be made ({})", folder_.string(), failed.message()));
    const auto there = found();
    if (there.empty()) return;
    if (!job.resume)
        throw OutputError(fmt::format("{}: it holds {} parts of an earlier run", folder_.string(), there.size()), "--resume goes on from them; else remove them");
    for (const auto& path : there)
        if (const h5::Input file(path, {"features"}); !file.root().has_attr("part_of") || file.root().attr_string("part_of") != identity_)
            throw BadInput(path.string() + ": a part of other pictures, of another network or with other options", "remove the parts, or name another folder");
}

std::vector<fs::path> FeatureParts::found() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(folder_))
        if (const auto name = entry.path().filename().string(); name.starts_with("part-") && name.ends_with(".h5")) out.push_back(entry.path());
    return out;
}

fs::path FeatureParts::path(std::int64_t first) const { return folder_ / fmt::format("part-{:08}.h5", first); }

bool FeatureParts::has(std::int64_t first) const { return fs::exists(path(first)); }

void FeatureParts::remove() const {
    std::error_code ignored;
    for (const auto& path : found()) fs::remove(path, ignored);
    // What a killed run was writing.
    for (const auto& entry : fs::directory_iterator(folder_, ignored))
        if (const auto name = entry.path().filename().string(); name.starts_with(".part-") && name.ends_with(".part")) fs::remove(entry.path(), ignored);
    fs::remove(folder_, ignored);  // not where there is something else in it
}

}  // namespace cortune::engine
