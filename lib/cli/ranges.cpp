// SPDX-License-Identifier: BSD-3-Clause
#include "cli/ranges.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>

#include "core/error.hpp"
#include "core/text.hpp"

namespace cortune::cli {
namespace {

Check number(const std::string& wanted, bool whole, const std::function<bool(double)>& fits) {
    return [=](const std::string& text) -> std::string {
        double value = 0;
        // from_chars knows no leading plus.
        const std::string_view digits = std::string_view(text).substr(text.starts_with('+') ? 1 : 0);
        const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        const bool good = code == std::errc{} && end == digits.data() + digits.size() && std::isfinite(value) &&
                          (!whole || (value == std::floor(value) && std::abs(value) < 0x1p63)) && fits(value);
        return good ? "" : fmt::format("expected {}, found '{}'", wanted, text);
    };
}

}  // namespace

Check above_zero() {
    return number("a number above 0", false, [](double v) { return v > 0; });
}

Check not_negative() {
    return number("0 or a number above it", false, [](double v) { return v >= 0; });
}

Check whole_at_least(std::int64_t least) {
    return number(fmt::format("a whole number, {} or more", least), true, [=](double v) { return v >= static_cast<double>(least); });
}

Check between(double least, double most) {
    return number(fmt::format("a number from {} to {}", least, most), false, [=](double v) { return v >= least && v <= most; });
}

Check whole_between(std::int64_t least, std::int64_t most) {
    return number(fmt::format("a whole number from {} to {}", least, most), true,
                  [=](double v) { return v >= static_cast<double>(least) && v <= static_cast<double>(most); });
}

Check one_of(std::vector<std::string> words) {
    return [words = std::move(words)](const std::string& text) -> std::string {
        if (std::find(words.begin(), words.end(), text) != words.end()) return "";
        return fmt::format("expected one of {}, found '{}'", cortune::join(nearest_first(text, words)), text);
    };
}

void refuse_idle(const std::vector<Option*>& options, const std::string& why, const std::string& mend) {
    std::vector<std::string> given;
    for (const Option* option : options)
        if (option->count() > 0) given.push_back(option->name());
    if (!given.empty()) throw UsageError(fmt::format("{}: without effect {}", join(given), why), mend);
}

void refuse_repeated(const char* option, std::vector<std::string> names) {
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) throw UsageError(fmt::format("{}: {} is named twice", option, *twice));
}

}  // namespace cortune::cli
