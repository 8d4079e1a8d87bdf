// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/response_rows.hpp"

#include <algorithm>
#include <set>

#include "core/interrupt.hpp"

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

std::uint64_t TurnedRows::rows_at_once() const {
    constexpr std::uint64_t bytes = 64 << 20;
    return std::clamp<std::uint64_t>(bytes / (units() * sizeof(float) + 1), 1, std::max<std::uint64_t>(rows(), 1));
}

std::uint64_t TurnedRows::memory_bytes() const { return rows_at_once() * units() * sizeof(float); }

void TurnedRows::prepare(const std::filesystem::path& scratch, Reporter& /*reporter*/, std::vector<Finding>& /*findings*/) {
    if (scratch_ || scratch_bytes() == 0) return;
    scratch_.emplace(scratch, scratch_bytes(), "a larger --scratch folder helps");
    std::vector<float> block(rows_at_once() * units());
    for (std::uint64_t first = 0; first < rows(); first += rows_at_once()) {
        check_interrupt();
        const std::uint64_t count = std::min(rows_at_once(), rows() - first);
        file_->columns(first, count, block.data());
        scratch_->write(first * units() * sizeof(float), block.data(), count * units() * sizeof(float));
    }
}

void TurnedRows::read(std::uint64_t first, std::uint64_t count, float* out) const {
    scratch_.value().read(first * units() * sizeof(float), out, count * units() * sizeof(float));
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
