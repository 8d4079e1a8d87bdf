// SPDX-License-Identifier: BSD-3-Clause
#include "engine/inputs.hpp"

#include <fmt/format.h>

#include <cmath>

#include "core/error.hpp"
#include "core/system.hpp"

namespace cortune::engine {

std::uint64_t memory_budget(std::uint64_t asked) { return asked > 0 ? asked : available_memory() / 2; }

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
