// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/nod/atlas.hpp"

#include <fmt/format.h>

#include <fstream>

#include "core/error.hpp"
#include "core/text.hpp"
#include "core/foreign_file.hpp"
#include "formats/mat.hpp"

namespace cortune::datasets::nod {
namespace {

// "L_V1_ROI" → "V1"; empty for anything else.
std::string region_name(const std::string& cell) {
    const std::string text = trim(cell);
    constexpr std::string_view ending = "_ROI";
    if (!(text.starts_with("L_") || text.starts_with("R_")) || !text.ends_with(ending) || text.size() <= 2 + ending.size()) return "";
    return text.substr(2, text.size() - 2 - ending.size());
}

std::vector<std::string> read_names(const std::filesystem::path& path) {
    require_file(path);
    std::ifstream in(path);
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);)
        if (std::string name = region_name(split(line, ',').at(0)); !name.empty()) out.push_back(std::move(name));
    if (out.size() != static_cast<std::size_t>(regions))
        throw BadInput(fmt::format("{}: expected {} rows like 'L_V1_ROI,R_V1_ROI', found {}", path.string(), regions, out.size()));
    return out;
}

}  // namespace

int Atlas::region(std::int64_t of_cortex) const {
    const std::int64_t l = label.at(static_cast<std::size_t>(of_cortex));
    return l < 1 ? 0 : static_cast<int>((l - 1) % regions) + 1;
}

Atlas read_atlas(const std::filesystem::path& labels, const std::filesystem::path& names) {
    const formats::MatMatrix m = formats::read_mat(labels, "glasser_MMP", "take MMP_mpmLR32k.mat as NOD's code has it");
    Atlas out{labels, names, m.value, read_names(names)};
    for (const auto l : out.label)
        if (l < 0 || l > 2 * regions) throw BadInput(fmt::format("{}: glasser_MMP: {} is no label of 0 … {}", labels.string(), l, 2 * regions));
    return out;
}

}  // namespace cortune::datasets::nod
