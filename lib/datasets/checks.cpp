// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <unordered_map>

#include "core/random.hpp"
#include "core/text.hpp"
#include "datasets/dataset.hpp"

namespace cortune::datasets {

ColumnCheck::ColumnCheck(std::size_t columns) : hash_(columns, 0), bad_(columns, 0), varies_(columns, 0) {}

void ColumnCheck::add(const float* rows, std::size_t count) {
    const std::size_t columns = hash_.size();
    if (first_.empty() && count > 0) first_.assign(rows, rows + columns);
    for (std::size_t i = 0; i < count; ++i, ++rows_)
        for (std::size_t v = 0; v < columns; ++v) {
            const float x = rows[i * columns + v];
            // Order counts: equal values in another order are another column.
            hash_[v] = (hash_[v] ^ std::bit_cast<std::uint32_t>(x)) * 0x9e3779b97f4a7c15ULL;
            hash_[v] ^= hash_[v] >> 29;
            bad_[v] += !std::isfinite(x);
            varies_[v] |= static_cast<char>(x != first_[v]);
        }
}

std::vector<Finding> ColumnCheck::findings(const Hemisphere& hemisphere) const {
    if (rows_ < 2)
        return {{"columns", hemisphere.name, static_cast<double>(rows_), false, "not looked at: one image says nothing of columns"}};
    std::uint64_t constant = 0, twins = 0, broken = 0;
    std::unordered_map<std::uint64_t, std::size_t> seen;
    for (std::size_t v = 0; v < hash_.size(); ++v) {
        broken += bad_[v] > 0;
        if (bad_[v] > 0) continue;
        if (!varies_[v]) ++constant;
        else twins += !seen.emplace(hash_[v], v).second;
    }
    const auto finding = [&](const char* check, std::uint64_t count, const char* what) {
        return Finding{check, hemisphere.name, static_cast<double>(count), count > 0,
                       fmt::format("{} of {} columns {}", count, hash_.size(), what)};
    };
    return {finding("constant_columns", constant, "never vary"), finding("nonfinite_columns", broken, "have values that are not finite"),
            finding("duplicate_columns", twins, "repeat another column value for value")};
}

void write_findings(h5::Node& root, const std::vector<Finding>& findings) {
    h5::Node group = root.create_group("checks");
    group.index_scale("finding", findings.size(), {"what was looked at"});
    std::vector<std::string> check, where, text;
    std::vector<double> value;
    std::vector<std::int16_t> warning;
    for (const auto& f : findings) {
        check.push_back(f.check);
        where.push_back(f.where);
        text.push_back(f.text);
        value.push_back(f.value);
        warning.push_back(f.warning ? 1 : 0);
    }
    group.put_strings("check", {"finding"}, check, {"name of the check"});
    group.put_strings("where", {"finding"}, where, {"hemisphere or file; empty: the whole data set"});
    group.put("value", {"finding"}, value, {"the figure that it rests on"});
    group.put("warning", {"finding"}, warning, {"1 where something looks wrong"});
    group.put_strings("text", {"finding"}, text, {"in words"});
}

namespace {

std::vector<std::string> listed(const h5::Node& root, bool warnings) {
    std::vector<std::string> out;
    if (!root.has("checks")) return out;
    const h5::Node checks = root.group("checks");
    const auto check = checks.dataset("check").read_strings(), where = checks.dataset("where").read_strings(),
               text = checks.dataset("text").read_strings();
    const auto warning = checks.dataset("warning").read<std::int16_t>();
    for (std::size_t i = 0; i < std::min({check.size(), where.size(), text.size(), warning.size()}); ++i)
        if ((warning[i] != 0) == warnings) out.push_back(fmt::format("{}{}{}: {}", check[i], where[i].empty() ? "" : " ", where[i], text[i]));
    return out;
}

}  // namespace

std::vector<std::string> DatasetFile::warnings() const { return listed(input_.root(), true); }
std::vector<std::string> DatasetFile::passed_checks() const { return listed(input_.root(), false); }

Finding compare_classes(const Hemisphere& left, const Hemisphere& right) {
    std::vector<std::string> single;
    const auto only = [&](const Hemisphere& here, const Hemisphere& there) {
        for (const RoiClass& c : here.roi_classes)
            if (std::none_of(there.roi_classes.begin(), there.roi_classes.end(), [&](const RoiClass& o) { return o.name == c.name; })) single.push_back(here.name + ' ' + c.name);
    };
    only(left, right), only(right, left);
    return {"missing_masks", "", static_cast<double>(single.size()), !single.empty(),
            single.empty() ? "both hemispheres have the same ROI classes" : "of one hemisphere alone: " + join(single) + "; download the others, too"};
}

}  // namespace cortune::datasets
