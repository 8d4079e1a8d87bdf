// SPDX-License-Identifier: BSD-3-Clause
#include "core/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <cctype>
#include <charconv>
#include <cmath>
#include <numeric>

#include "core/error.hpp"

namespace cortune {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t cost = diagonal + (a[i] != b[j] ? 1 : 0);
            diagonal = row[j + 1];
            row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, cost});
        }
    }
    return row.back();
}

}  // namespace

std::string join(const std::vector<std::string>& items, std::string_view separator) {
    return fmt::format("{}", fmt::join(items, separator));
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> out;
    for (std::size_t start = 0;;) {
        const auto end = text.find(separator, start);
        out.emplace_back(text.substr(start, end - start));
        if (end == std::string_view::npos) return out;
        start = end + 1;
    }
}

std::string trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

std::string link_name(std::string name) {
    std::replace(name.begin(), name.end(), '/', '_');
    return name.empty() || name == "." ? "_" + name : name;
}

std::string lower_snake(std::string_view text) {
    std::string out = lower(text);
    for (char& c : out)
        if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
    return out;
}

std::vector<std::string> nearest_first(std::string_view wanted, std::vector<std::string> known) {
    const std::string target = lower(wanted);
    // What begins with it is nearer than what merely resembles it: FFA means FFA-1, not OFA.
    const auto distance = [&](const std::string& name) {
        const bool begins = !target.empty() && lower(name).starts_with(target);
        return std::pair(!begins, edit_distance(target, lower(name)));
    };
    std::stable_sort(known.begin(), known.end(), [&](const auto& a, const auto& b) { return distance(a) < distance(b); });
    return known;
}

std::uint64_t parse_bytes(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    std::string unit = lower(std::string_view(end, text.data() + text.size()));
    if (unit.size() == 3 && unit.ends_with("ib")) unit.resize(1);
    else if (unit.ends_with("b")) unit.resize(unit.size() - 1);
    static constexpr std::string_view units = "kmgt";
    const auto power = unit.empty() ? 0 : units.find(unit) + 1;
    const double bytes = std::ldexp(value, static_cast<int>(10 * power));
    // Written so that a NaN fails too.
    if (error != std::errc{} || unit.size() > 1 || (!unit.empty() && power == 0) ||
        !(bytes >= 1 && bytes < 0x1p63))
        throw UsageError(fmt::format("--memory '{}' is not an amount of memory", text),
                         "write it as 500M or 8G");
    return static_cast<std::uint64_t>(bytes);
}

std::vector<int> parse_ranges(std::string_view text, const std::string& option) {
    constexpr int most = 1000;
    std::set<int> out;
    const auto bad = [&] { return UsageError(option + " '" + std::string(text) + "': not a list of numbers", "write " + option + " 1-10,12"); };
    const auto number = [&](std::string_view digits) {
        int value = 0;
        const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (code != std::errc{} || end != digits.data() + digits.size() || value < 1 || value > most) throw bad();
        return value;
    };
    for (const std::string& part : split(text, ',')) {
        const auto dash = part.find('-');
        const int first = number(std::string_view(part).substr(0, dash));
        const int last = dash == std::string::npos ? first : number(std::string_view(part).substr(dash + 1));
        if (last < first) throw bad();
        for (int n = first; n <= last; ++n) out.insert(n);
    }
    return {out.begin(), out.end()};
}

std::string number_text(double value, const char* unknown) { return std::isfinite(value) ? fmt::format("{:.6g}", value) : unknown; }

std::string format_bytes(double bytes) {
    static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    // What would round to 1024 is one of the next unit.
    while (bytes >= (unit == 0 ? 1023.5 : 1023.95) && unit < 4) bytes /= 1024, ++unit;
    return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

std::string format_seconds(double seconds) {
    if (seconds < 59.995) return fmt::format("{:.2f} s", seconds);
    const auto whole = static_cast<std::int64_t>(std::llround(seconds));
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

}  // namespace cortune
