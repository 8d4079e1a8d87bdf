// SPDX-License-Identifier: BSD-3-Clause
#include "datasets/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/text_list.hpp"

namespace fs = std::filesystem;

namespace cortune::datasets {
namespace {

std::string without_ending(const std::string& name) {
    return fs::path(name).replace_extension().generic_string();
}

void check(const TableOptions& options) {
    const std::size_t n = options.images.size();
    if (n == 0) throw UsageError("a table needs --images, --responses and --namespace");
    auto same = [&](const char* name, std::size_t count) {
        if (count != n)
            throw UsageError(fmt::format("{} --images and {} {}: give one of each per session", n, count, name));
    };
    same("--responses", options.responses.size());
    same("--namespace", options.namespaces.size());
    if (!options.names.empty()) same("--names", options.names.size());
    if (!options.runs.empty()) same("--runs", options.runs.size());
    for (const auto& name : options.namespaces)
        if (name.empty() || name.find_first_of(":/ \t\n") != std::string::npos)
            throw UsageError(fmt::format("'{}' is no namespace: letters, digits, '-', '_' and '.'", name));
    if (options.ceiling != "none" && !options.average_repeats)
        throw UsageError("--ceiling needs repeated presentations", "--names lists them, --average-repeats takes them together");
    if (options.average_repeats && options.names.empty())
        throw UsageError("--average-repeats needs --names, which says what was presented in each row");
    for (const auto& name : {options.subject, options.roi})
        if (name.find_first_of("+/") != std::string::npos)
            throw UsageError(fmt::format("'{}': neither '+' nor '/' may be part of this name", name));
}

// A picture is one image with one row of responses, however often it was shown.
// `lines`: for every picture the numbers of the lines that name it.
void check_repeats(const std::string& list, const std::vector<std::string>& names,
                   std::vector<std::vector<std::string>> lines) {
    const auto repeated = [](const auto& numbers) { return numbers.size() > 1; };
    const auto first = std::find_if(lines.begin(), lines.end(), repeated);
    if (first == lines.end()) return;
    const auto count = std::count_if(first, lines.end(), repeated);
    constexpr std::size_t shown = 8;
    if (first->size() > shown) first->resize(shown), first->emplace_back("…");
    throw BadInput(fmt::format("{}: lines {} repeat the picture '{}'{}", list, join(*first),
                               names[static_cast<std::size_t>(first - lines.begin())],
                               count > 1 ? fmt::format("; repeated pictures in all: {}", count) : ""),
                   "--average-repeats takes the lines as presentations of one picture and averages them");
}

// The pictures of one session in the order of the responses.
std::vector<std::size_t> picture_order(const images::Source& source, const std::string& list, bool repeats) {
    const auto& names = source.names();
    std::vector<std::size_t> out(names.size());
    std::iota(out.begin(), out.end(), std::size_t{0});
    if (list.empty()) return out;
    std::unordered_map<std::string, std::size_t> at;
    for (std::size_t i = 0; i < names.size(); ++i) at.emplace(without_ending(names[i]), i);
    for (std::size_t i = 0; i < names.size(); ++i) at[names[i]] = i;
    out.clear();
    std::vector<std::vector<std::string>> lines(names.size());
    for (const auto& [wanted, number] : read_list(list)) {
        const auto found = at.find(wanted);
        if (found == at.end()) {
            auto near = nearest_first(wanted, names);
            near.resize(std::min<std::size_t>(near.size(), 3));
            throw BadInput(fmt::format("{}: '{}' is no picture of {}; nearest: {}", list, wanted,
                                       source.path().string(), join(near)));
        }
        out.push_back(found->second);
        lines[found->second].push_back(std::to_string(number));
    }
    if (!repeats) check_repeats(list, names, std::move(lines));
    return out;
}

// Whether the last numbers of the names fall somewhere in a list that is sorted as text.
bool numbers_out_of_order(const std::vector<std::string>& names) {
    const auto number = [](const std::string& name) {
        const std::string stem = without_ending(name);
        const auto last = stem.find_last_not_of("0123456789");
        const std::string digits = last == std::string::npos ? stem : stem.substr(last + 1);
        return digits.empty() || digits.size() > 15 ? -1 : std::stoll(digits);
    };
    const auto prefix = [](const std::string& name) { return name.substr(0, name.find_first_of("0123456789")); };
    for (std::size_t i = 1; i < names.size(); ++i)
        if (prefix(names[i]) == prefix(names[i - 1]) && number(names[i]) >= 0 && number(names[i]) < number(names[i - 1])) return true;
    return false;
}

// Pictures in the order of their first presentation, and the rows of each.
std::vector<std::size_t> without_repeats(const std::vector<std::size_t>& order) {
    std::vector<std::size_t> out;
    std::unordered_set<std::size_t> seen;
    for (const std::size_t i : order)
        if (seen.insert(i).second) out.push_back(i);
    return out;
}
std::vector<std::vector<std::uint64_t>> presentations_of(const std::vector<std::size_t>& order) {
    std::vector<std::vector<std::uint64_t>> out;
    std::unordered_map<std::size_t, std::size_t> place;
    for (std::size_t row = 0; row < order.size(); ++row) {
        const auto [known, added] = place.emplace(order[row], out.size());
        if (added) out.emplace_back();
        out[known->second].push_back(row);
    }
    return out;
}

// The runs of a session's rows, numbered on from `known`; without a list the session is one.
std::vector<std::int32_t> runs_of_rows(const std::string& list, std::size_t rows, std::int32_t& known) {
    if (list.empty()) return std::vector<std::int32_t>(rows, ++known);
    std::map<std::string, std::int32_t> number;
    std::vector<std::int32_t> out;
    for (const auto& line : read_list(list)) {
        const auto [at, added] = number.emplace(line.text, known + 1);
        known += added;
        out.push_back(at->second);
    }
    if (out.size() != rows)
        throw BadInput(fmt::format("{}: expected {} lines, one a row of the responses, found {}", list, rows, out.size()));
    return out;
}

bool units_first(const NpyFile& file, std::uint64_t images, const std::string& orientation,
                 const images::Source& source) {
    const auto& shape = file.shape();
    const std::string where = file.path().string();
    const bool rows = shape.size() == 2 && shape[0] == images;
    const bool columns = shape.size() == 2 && shape[1] == images;
    const bool fits = orientation == "images-by-units"   ? rows
                      : orientation == "units-by-images" ? columns
                                                         : rows || columns;
    if (!fits)
        throw BadInput(fmt::format("{}: expected {} images ({}) on {}, found {}", where, images,
                                   source.path().string(),
                                   orientation == "images-by-units"   ? "the first axis"
                                   : orientation == "units-by-images" ? "the second axis"
                                                                      : "one of two axes",
                                   shape_text(shape)),
                       "--names takes a list of the pictures that the responses belong to, in their order");
    if (orientation != "auto") return orientation == "units-by-images";
    if (rows && columns)
        throw UsageError(fmt::format("{}: {} may be images × units or units × images", where, shape_text(shape)),
                         "--orientation says which");
    return columns;
}

}  // namespace

Plan table_plan(const TableOptions& options, Reporter& reporter) {
    check(options);
    Plan plan;
    plan.header.subject = options.subject.empty() ? options.namespaces[0] : options.subject;
    plan.header.layout = "table";
    plan.header.image_namespace = join(options.namespaces, ",");
    PlannedHemisphere all;
    std::int32_t runs = 0;
    for (std::size_t s = 0; s < options.images.size(); ++s) {
        const auto source = images::open_source(options.images[s]);
        if (const auto text = images::left_out_text(*source); !text.empty()) reporter.warn(text);
        const std::string list = options.names.empty() ? "" : options.names[s];
        const auto order = picture_order(*source, list, options.average_repeats);
        auto file = std::make_shared<NpyFile>(options.responses[s]);
        const bool transposed = units_first(*file, order.size(), options.orientation, *source);
        ResponsePart part;
        if (transposed && options.average_repeats) part.rows = std::make_shared<TurnedRows>(std::move(file));
        else part.rows = std::make_shared<NpyRows>(std::move(file), transposed);
        if (options.average_repeats) part.presentations = presentations_of(order);
        part.run = runs_of_rows(options.runs.empty() ? "" : options.runs[s], order.size(), runs);
        if (list.empty() && numbers_out_of_order(source->names()))
            reporter.warn(fmt::format("{}: rows are taken in the order of the names as text ({}, {}, …), in which numbers without leading "
                                      "zeros are out of order; --names gives another", options.images[s], source->names()[0], source->names()[1]));
        const auto pictures = options.average_repeats ? without_repeats(order) : order;
        for (std::size_t k = 0; k < pictures.size(); ++k)
            plan.images.push_back({source, pictures[k], options.namespaces[s] + ':' + without_ending(source->names()[pictures[k]]), false,
                                   static_cast<std::int32_t>(part.count(k))});
        reporter.info(fmt::format("{}: {} images, {} units", options.responses[s], part.images(), part.units()));
        if (!all.parts.empty() && part.units() != all.parts[0].units())
            throw BadInput(fmt::format("{}: expected {} units, as in {}, found {}", options.responses[s],
                                       all.parts[0].units(), options.responses[0], part.units()),
                           "sessions are appended as more images of the same units; extract sessions of "
                           "other units into files of their own");
        plan.files.emplace_back(options.responses[s]);
        if (!list.empty()) plan.files.emplace_back(list);
        if (!options.runs.empty()) plan.files.emplace_back(options.runs[s]);
        all.parts.push_back(std::move(part));
    }
    const std::uint64_t units = all.parts[0].units();
    if (units == 0) throw BadInput(options.responses[0] + ": holds no units");
    all.about.name = "all";
    all.about.vertex.resize(units);
    std::iota(all.about.vertex.begin(), all.about.vertex.end(), 0);
    all.about.roi_classes.push_back({"table", std::vector<std::int16_t>(units, 1), {1},
                                     {options.roi.empty() ? plan.header.subject : options.roi}});
    plan.hemispheres.push_back(std::move(all));
    plan.ceiling = options.ceiling;
    return plan;
}

}  // namespace cortune::datasets
