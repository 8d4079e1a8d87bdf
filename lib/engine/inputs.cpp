// SPDX-License-Identifier: BSD-3-Clause
#include "engine/inputs.hpp"

#include <fmt/format.h>

#include <cmath>
#include <unordered_set>

#include "core/error.hpp"
#include "core/system.hpp"

namespace cortune::engine {

std::uint64_t memory_budget(std::uint64_t asked) { return asked > 0 ? asked : available_memory() / 2; }

void check_distinct(const std::vector<std::pair<std::string, std::filesystem::path>>& targets,
                    const std::vector<std::filesystem::path>& inputs) {
    const auto place = [](const std::filesystem::path& path) {
        std::error_code error;
        const auto found = std::filesystem::weakly_canonical(path, error);
        return error ? path.lexically_normal() : found;
    };
    for (std::size_t i = 0; i < targets.size(); ++i) {
        const auto& [option, path] = targets[i];
        if (path.empty()) continue;
        for (const auto& input : inputs)
            if (!input.empty() && place(input) == place(path))
                throw UsageError(fmt::format("{} {} is also an input", option, path.string()), "give it another name");
        for (std::size_t k = 0; k < i; ++k)
            if (!targets[k].second.empty() && place(targets[k].second) == place(path))
                throw UsageError(fmt::format("{} and {} name the same file, {}", targets[k].first, option, path.string()),
                                 "give each a name of its own");
    }
}

std::int64_t count_tuned(const std::vector<std::string>& ids, const std::vector<std::string>& sha256,
                         const std::vector<std::string>& tuned_ids, const std::vector<std::string>& tuned_sha256) {
    const std::unordered_set<std::string> by_id(tuned_ids.begin(), tuned_ids.end());
    const std::unordered_set<std::string> by_pixels(tuned_sha256.begin(), tuned_sha256.end());
    std::int64_t count = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) count += by_id.contains(ids[i]) || by_pixels.contains(sha256[i]);
    return count;
}

std::vector<float> finite_responses(const datasets::DatasetFile& data, const datasets::Roi& roi,
                                    const std::vector<std::int64_t>& rows) {
    auto values = data.responses(roi.hemisphere, rows, roi.column);
    const std::size_t width = roi.column.size();
    std::vector<char> bad(width, 0);
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!std::isfinite(values[i])) bad[i % width] = 1;
    if (const auto count = std::count(bad.begin(), bad.end(), 1); count > 0)
        throw BadInput(fmt::format("{}:/response_{}: {} of the {} vertices of {} have values that are not finite",
                                   data.where(), roi.hemisphere, count, width, roi.name),
                       "leave them out of the ROI, or repair them before extraction");
    return values;
}

}  // namespace cortune::engine
