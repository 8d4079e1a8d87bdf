// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/nsd/experiment.hpp"

#include <fmt/format.h>

#include "core/error.hpp"
#include "formats/mat.hpp"

namespace cortune::datasets::nsd {

std::vector<std::int32_t> trial_pictures(const std::filesystem::path& design, int subject) {
    const std::string path = design.string(), mend = "take nsd_expdesign.mat as NSD distributes it";
    const formats::MatMatrix order = formats::read_mat(design, "masterordering", mend), pictures = formats::read_mat(design, "subjectim", mend);
    if (subject < 1 || static_cast<std::size_t>(subject) > pictures.rows)
        throw BadInput(fmt::format("{}: subjectim has {} subjects, asked for is subject {}", path, pictures.rows, subject));
    std::vector<std::int32_t> out;
    for (const std::int64_t place : order.value) {
        if (place < 1 || place > static_cast<std::int64_t>(pictures.columns))
            throw BadInput(fmt::format("{}: masterordering: {} is no column of subjectim (1 … {})", path, place, pictures.columns), mend);
        const std::int64_t id = pictures.at(static_cast<std::size_t>(subject - 1), static_cast<std::size_t>(place - 1));
        if (id < 1 || id > stimuli) throw BadInput(fmt::format("{}: subjectim: {} is no picture of 1 … {}", path, id, stimuli), mend);
        out.push_back(static_cast<std::int32_t>(id - 1));
    }
    return out;
}

void write_design(const std::filesystem::path& path, const std::vector<std::int64_t>& order, const std::vector<std::vector<std::int64_t>>& pictures) {
    formats::MatMatrix by_column{pictures.size(), pictures[0].size(), {}};
    for (std::size_t c = 0; c < by_column.columns; ++c)
        for (const auto& subject : pictures) by_column.value.push_back(subject[c]);
    formats::write_mat(path, {{"masterordering", {1, order.size(), order}}, {"subjectim", by_column}});
}

}  // namespace cortune::datasets::nsd
