// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/response_rows.hpp"

#include <algorithm>
#include <set>

namespace cortune::datasets {

std::string ResponseRows::where(std::uint64_t row) const {
    const auto all = files();
    for (const RowFile& file : all) {
        if (row < file.rows) return file.path.string();
        row -= file.rows;
    }
    return all.empty() ? "" : all.back().path.string();
}

std::vector<std::int32_t> ResponseRows::file_numbers() const {
    std::vector<std::int32_t> out;
    std::int32_t number = 0;
    for (const RowFile& file : files()) out.insert(out.end(), file.rows, ++number);
    return out;
}

std::vector<std::int32_t> runs_of(const std::vector<ResponsePart>& parts) {
    std::vector<std::int32_t> out;
    std::set<std::int32_t> known;
    for (const auto& part : parts) {
        known.insert(part.run.begin(), part.run.end());
        for (std::uint64_t image = 0; image < part.images(); ++image) {
            std::set<std::int32_t> inside;
            if (part.run.empty()) inside.insert(0);
            else if (part.presentations.empty()) inside.insert(part.run.at(image));
            else for (const std::uint64_t row : part.presentations[image]) inside.insert(part.run.at(row));
            out.push_back(inside.size() == 1 ? *inside.begin() : 0);
        }
    }
    return known.size() > 1 ? out : std::vector<std::int32_t>{};
}

void ResponsePart::read_presentations(std::uint64_t image, float* out) const {
    if (presentations.empty()) return rows->read(image, 1, out);
    for (const std::uint64_t row : presentations[image]) {
        rows->read(row, 1, out);
        out += units();
    }
}

void ResponsePart::read(std::uint64_t first, std::uint64_t count, float* out) const {
    if (presentations.empty()) return rows->read(first, count, out);
    const std::size_t width = units();
    std::vector<float> row(width);
    std::vector<double> sum(width);
    for (std::uint64_t i = first; i < first + count; ++i, out += width) {
        std::fill(sum.begin(), sum.end(), 0.0);
        for (const std::uint64_t r : presentations[i]) {
            rows->read(r, 1, row.data());
            for (std::size_t v = 0; v < width; ++v) sum[v] += static_cast<double>(row[v]);
        }
        for (std::size_t v = 0; v < width; ++v) out[v] = static_cast<float>(sum[v] / static_cast<double>(presentations[i].size()));
    }
}

}  // namespace cortune::datasets
