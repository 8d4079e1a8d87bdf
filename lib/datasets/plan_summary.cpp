// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/plan_summary.hpp"

#include <algorithm>
#include <cmath>
#include <set>

namespace cortune::datasets {
namespace {

using Json = nlohmann::ordered_json;

// PNG of photographs that one core of about 2023 decodes, hashes and resizes in a second.
constexpr double bytes_per_second = 60e6;
// Responses that one core reads, z-scores and averages in a second.
constexpr double response_bytes_per_second = 100e6;

double rounded(double value, double digits) { return std::round(value * digits) / digits; }
double gib(double bytes) { return rounded(bytes / (1 << 30), 1000); }

}  // namespace

Json plan_summary(const Plan& plan, const ExtractOptions& options, const std::vector<Split>& split) {
    double picture_bytes = 0, response_bytes = 0, scratch_bytes = 0, memory_bytes = 0;
    std::set<std::filesystem::path> counted;  // a file of both hemispheres is read once
    std::int64_t official = 0;
    for (const auto& image : plan.images) {
        picture_bytes += static_cast<double>(image.source->bytes(image.index));
        official += image.official_test;
    }
    Json hemispheres = Json::array(), rois = Json::array(), sessions = Json::array();
    double columns = 0;
    for (const auto& h : plan.hemispheres) {
        columns += static_cast<double>(h.about.vertex.size());
        Json files = Json::array();
        for (const auto& part : h.parts) {
            memory_bytes = std::max(memory_bytes, static_cast<double>(part.rows->memory_bytes()));
            scratch_bytes += static_cast<double>(part.rows->scratch_bytes());
            for (const RowFile& file : part.rows->files()) {
                files.push_back(file.path.string());
                if (counted.insert(file.path).second) response_bytes += static_cast<double>(file.bytes);
                sessions.push_back({{"hemisphere", h.about.name}, {"file", file.path.string()}, {"rows", file.rows}});
            }
        }
        hemispheres.push_back({{"hemisphere", h.about.name}, {"vertices", h.about.vertex.size()}, {"files", files}});
        for (const auto& c : h.about.roi_classes)
            for (std::size_t k = 0; k < c.label_value.size(); ++k)
                rois.push_back({{"hemisphere", h.about.name}, {"class", c.name}, {"roi", c.label_name[k]},
                                {"voxels", std::count(c.label.begin(), c.label.end(), c.label_value[k])}});
    }
    const auto n = static_cast<double>(plan.images.size());
    const double side = options.image_size;
    return {{"subject", plan.header.subject},
            {"layout", plan.header.layout},
            {"images", plan.images.size()},
            {"official_test_images", official},
            {"split", {{"train", std::count(split.begin(), split.end(), Split::train)},
                       {"test", std::count(split.begin(), split.end(), Split::test)},
                       {"official_test", std::count(split.begin(), split.end(), Split::official_test)}}},
            {"sessions", sessions},
            {"hemispheres", hemispheres},
            {"rois", rois},
            {"read_gib", gib(picture_bytes + response_bytes)},
            {"write_gib", gib(n * (side * side * 3 + 4 * columns))},
            {"scratch_gib", gib(scratch_bytes)},
            {"session_memory_gib", gib(memory_bytes)},
            {"minutes", rounded((picture_bytes / bytes_per_second / std::max(options.threads, 1) + response_bytes / response_bytes_per_second) / 60, 100)}};
}

}  // namespace cortune::datasets
