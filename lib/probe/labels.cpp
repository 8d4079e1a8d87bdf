// SPDX-License-Identifier: BSD-3-Clause
#include "probe/labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/text_list.hpp"

namespace cortune::probe {
namespace {

std::string path_of(const std::string& id) { return id.substr(id.find(':') + 1); }
std::string file_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool whole_number(const std::string& text) {
    return !text.empty() && text.size() < 10 && std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= '0' && c <= '9'; });
}

// The columns of a line, which blanks, tabs or a comma part.
std::vector<std::string> columns(std::string line) {
    std::replace(line.begin(), line.end(), '\t', ' ');
    std::replace(line.begin(), line.end(), ',', ' ');
    std::vector<std::string> out;
    for (auto& word : split(line, ' '))
        if (!word.empty()) out.push_back(std::move(word));
    return out;
}

std::vector<std::string> by_folder(const std::vector<std::string>& id) {
    std::vector<std::string> out;
    for (const auto& i : id) {
        const std::string path = path_of(i);
        const auto slash = path.rfind('/');
        if (slash == std::string::npos)
            throw BadInput(i + ": the picture lies in no class folder", "--labels FILE gives the classes of pictures that lie together");
        out.push_back(path.substr(0, slash));
    }
    return out;
}

std::vector<std::string> by_order(const std::vector<std::string>& id, const std::vector<std::vector<std::string>>& lines, const std::string& file) {
    if (lines.size() != id.size())
        throw BadInput(fmt::format("{}: {} classes for {} pictures", file, lines.size(), id.size()), "a list without names is for all pictures, in the order of their names");
    std::vector<std::size_t> order(id.size());
    for (std::size_t i = 0; i < id.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return id[a] < id[b]; });
    std::vector<std::string> out(id.size());
    for (std::size_t i = 0; i < id.size(); ++i) out[order[i]] = lines[i][0];
    return out;
}

std::vector<std::string> by_name(const std::vector<std::string>& id, const std::vector<std::vector<std::string>>& lines, const std::string& file) {
    std::unordered_map<std::string, std::string> label;
    for (const auto& line : lines)
        if (const auto [at, added] = label.emplace(line[0], line[1]); !added && at->second != line[1])
            throw BadInput(fmt::format("{}: {} has two classes, {} and {}", file, line[0], at->second, line[1]));
    std::map<std::string, std::string> taken;  // name of the list → picture
    std::vector<std::string> out;
    for (const auto& i : id) {
        const std::string path = path_of(i);
        auto found = label.find(path);
        if (found == label.end()) {
            found = label.find(file_of(path));
            if (found != label.end())
                if (const auto [at, added] = taken.emplace(found->first, i); !added)
                    throw BadInput(fmt::format("{}: {} is the name of two pictures, {} and {}", file, found->first, at->second, i), "list them with their folders");
        }
        if (found == label.end()) throw BadInput(fmt::format("{}: no class for {}", file, i));
        out.push_back(found->second);
    }
    return out;
}

std::vector<std::string> by_class_list(const std::vector<std::string>& id, const std::vector<std::vector<std::string>>& lines, const std::string& file) {
    std::vector<std::string> known;
    for (const auto& line : lines) known.push_back(line[0].starts_with('/') ? line[0].substr(1) : line[0]);
    std::vector<std::string> out;
    for (const auto& i : id) {
        const std::string path = path_of(i);
        const std::string* best = nullptr;
        for (const auto& name : known)
            if (path.starts_with(name + '/') && (!best || name.size() > best->size())) best = &name;
        if (!best) throw BadInput(fmt::format("{}: no class is the beginning of {}", file, i));
        out.push_back(*best);
    }
    return out;
}

std::vector<std::string> by_file(const std::vector<std::string>& id, const std::filesystem::path& path) {
    const std::string file = path.string();
    std::vector<std::vector<std::string>> lines;
    for (const auto& line : datasets::read_list(path)) {
        lines.push_back(columns(line.text));
        if (lines.back().size() != lines[0].size() || lines.back().size() > 2)
            throw BadInput(fmt::format("{}: line {} has {} columns, the first one {}: one or two are expected", file, line.number, lines.back().size(), lines[0].size()),
                           "a class a line, or a picture's name and its class");
    }
    if (lines[0].size() == 2) return by_name(id, lines, file);
    const bool numbers = std::all_of(lines.begin(), lines.end(), [](const auto& line) { return whole_number(line[0]); });
    return numbers ? by_order(id, lines, file) : by_class_list(id, lines, file);
}

}  // namespace

Labels label_pictures(const std::vector<std::string>& id, const std::filesystem::path& file) {
    const auto text = file.empty() ? by_folder(id) : by_file(id, file);
    Labels out;
    out.source = file.empty() ? "folders" : file.filename().string();
    out.name = text;
    const bool numbers = std::all_of(text.begin(), text.end(), whole_number);
    std::sort(out.name.begin(), out.name.end(), [&](const auto& a, const auto& b) { return numbers && std::stol(a) != std::stol(b) ? std::stol(a) < std::stol(b) : a < b; });
    out.name.erase(std::unique(out.name.begin(), out.name.end()), out.name.end());
    if (out.name.size() < 2) throw BadInput(fmt::format("all {} pictures are of one class ({})", id.size(), out.name.empty() ? "none" : out.name[0]));
    std::unordered_map<std::string, std::int32_t> at;
    for (std::size_t i = 0; i < out.name.size(); ++i) at[out.name[i]] = static_cast<std::int32_t>(i);
    for (const auto& t : text) out.label.push_back(at[t]);
    return out;
}

}  // namespace cortune::probe
