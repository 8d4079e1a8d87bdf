// SPDX-License-Identifier: BSD-3-Clause
#include "h5/schema.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <string_view>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/system.hpp"
#include "core/text.hpp"

namespace cortune::h5 {
namespace {

using Json = nlohmann::ordered_json;
using Bindings = std::map<std::string, std::string>;  // placeholder → what it matched
using Scales = std::map<std::string, std::uint64_t>;  // of a group and its ancestors: length

const Json empty = Json::object();

const Json& part(const Json& rule, const char* key) { return rule.contains(key) ? rule.at(key) : empty; }
bool optional(const Json& rule) { return rule.value("optional", false) || rule.contains("per"); }

// A name with * and {placeholder}. Names are short: trying every length is cheap.
class Pattern {
  public:
    Pattern(std::string text, const Json& placeholders)
        : text_(std::move(text)), placeholders_(placeholders) {}
    bool matches(const std::string& name, Bindings* bindings = nullptr) const {
        Bindings found;
        if (!match(text_, name, found)) return false;
        if (bindings) bindings->merge(found);
        return true;
    }

  private:
    bool match(std::string_view pattern, std::string_view name, Bindings& found) const {
        if (pattern.empty()) return name.empty();
        if (pattern[0] == '*') {
            for (std::size_t n = 0; n <= name.size(); ++n)
                if (match(pattern.substr(1), name.substr(n), found)) return true;
            return false;
        }
        if (pattern[0] != '{')
            return !name.empty() && pattern[0] == name[0] &&
                   match(pattern.substr(1), name.substr(1), found);
        const auto end = pattern.find('}');
        const std::string key(pattern.substr(1, end - 1));
        for (std::size_t n = 1; n <= name.size(); ++n) {
            const std::string value(name.substr(0, n));
            if (!allowed(key, value) || !match(pattern.substr(end + 1), name.substr(n), found)) continue;
            found[key] = value;
            return true;
        }
        return false;
    }
    bool allowed(const std::string& key, const std::string& value) const {
        if (!placeholders_.contains(key)) return true;
        const Json& values = placeholders_.at(key);
        return std::find(values.begin(), values.end(), value) != values.end();
    }
    std::string text_;
    const Json& placeholders_;
};

std::string filled(std::string text, const Bindings& bindings) {
    for (const auto& [name, value] : bindings) {
        const std::string key = '{' + name + '}';
        for (auto at = text.find(key); at != std::string::npos; at = text.find(key, at + value.size()))
            text.replace(at, key.size(), value);
    }
    return text;
}

std::vector<std::string> list_of(const Json& one_or_more) {
    if (one_or_more.is_array()) return one_or_more.get<std::vector<std::string>>();
    return {one_or_more.get<std::string>()};
}

class Checker {
  public:
    Checker(const Json& schema, Findings& findings)
        : placeholders_(part(schema, "placeholders")), findings_(findings) {}

    void group(const Node& node, const Json& rule, const Bindings& bindings, Scales scales) {
        attributes(node, part(rule, "attributes"));
        std::vector<std::string> sets, groups;
        for (const auto& name : node.children()) (node.is_group(name) ? groups : sets).push_back(name);
        for (const auto& name : sets) {
            const Dataset d = node.dataset(name);
            if (d.dims() == std::vector{name}) scales[name] = d.size();
        }
        std::set<std::string> known;
        for (const auto& [name, set_rule] : part(rule, "datasets").items())
            dataset_rule(node, name, set_rule, bindings, scales, sets, known);
        for (const auto& [path, group_rule] : part(rule, "groups").items()) {
            const bool found = descend(node, split(path, '/'), 0, group_rule, bindings, scales, known);
            if (!found && !optional(group_rule))
                violation(node, path, "expected such a group, found none");
        }
        if (rule.value("open", false)) return;
        for (const auto* names : {&sets, &groups})
            for (const auto& name : *names)
                if (!known.contains(name))
                    findings_.notes.push_back(at(node, name) + ": not part of the schema");
    }

  private:
    static std::string at(const Node& node, const std::string& name) {
        return node.where() + (node.where().ends_with('/') ? "" : "/") + name;
    }
    void violation(const Node& node, const std::string& name, const std::string& what) {
        findings_.violations.push_back(at(node, name) + ": " + what);
    }

    void attributes(const Object& object, const Json& rules) {
        for (const auto& [name, rule] : rules.items()) {
            if (!object.has_attr(name)) {
                if (!optional(rule))
                    findings_.violations.push_back(
                        fmt::format("{}: expected an attribute '{}' ({}), found none", object.where(),
                                    name, rule.at("type").get<std::string>()));
                continue;
            }
            try {
                attribute(object, name, rule);
            } catch (const BadInput& e) {
                findings_.violations.push_back(
                    fmt::format("{} (expected {})", e.what(), rule.at("type").get<std::string>()));
            }
        }
    }
    void attribute(const Object& object, const std::string& name, const Json& rule) {
        const auto type = rule.at("type").get<std::string>();
        if (type == "int")
            object.attr_int(name);
        else if (type == "ints")
            object.attr_ints(name);
        else if (type == "float")
            object.attr_double(name);
        else if (type == "floats")
            object.attr_doubles(name);
        else if (type == "strings")
            object.attr_strings(name);
        else {
            const std::string value = object.attr_string(name);
            if (!rule.contains("values")) return;
            const auto known = list_of(rule["values"]);
            if (std::find(known.begin(), known.end(), value) == known.end())
                findings_.violations.push_back(
                    fmt::format("{}: attribute '{}': expected one of {}, found '{}'", object.where(),
                                name, join(known), value));
        }
    }

    void dataset_rule(const Node& node, const std::string& name, const Json& rule,
                      const Bindings& bindings, const Scales& scales,
                      const std::vector<std::string>& sets, std::set<std::string>& known) {
        const Pattern pattern(filled(name, bindings), placeholders_);
        bool found = false;
        for (const auto& set : sets) {
            Bindings inner = bindings;
            if (known.contains(set) || !pattern.matches(set, &inner)) continue;
            known.insert(set);
            found = true;
            dataset(node.dataset(set), rule, inner, scales);
        }
        if (rule.contains("per")) {
            const Pattern of(rule["per"].get<std::string>(), placeholders_);
            for (const auto& set : sets)
                if (Bindings inner = bindings; of.matches(set, &inner) && !node.has(filled(name, inner)))
                    violation(node, filled(name, inner),
                              fmt::format("expected it beside {}, found none", set));
        } else if (!found && !optional(rule)) {
            violation(node, name,
                      fmt::format("expected a data set ({}), found none",
                                  join(list_of(rule.at("dtype")), " or ")));
        }
    }

    void dataset(const Dataset& d, const Json& rule, const Bindings& bindings, const Scales& scales) {
        const auto types = list_of(rule.at("dtype"));
        auto fail = [&](const std::string& what) {
            findings_.violations.push_back(d.where() + ": " + what);
        };
        if (std::find(types.begin(), types.end(), d.type_name()) == types.end())
            fail(fmt::format("expected {}, found {}", join(types, " or "), d.type_name()));
        const auto dims = d.dims();
        if (rule.contains("dims")) {
            std::vector<std::string> wanted;
            for (const auto& dim : rule["dims"])
                wanted.push_back(filled(dim.get<std::string>(), bindings));
            const bool same = std::equal(
                dims.begin(), dims.end(), wanted.begin(), wanted.end(),
                [&](const auto& a, const auto& b) { return Pattern(b, placeholders_).matches(a); });
            if (!same) fail(fmt::format("expected axes ({}), found ({})", join(wanted), join(dims)));
        }
        const Shape shape = d.shape();
        for (std::size_t axis = 0; axis < shape.size(); ++axis) {
            if (dims[axis].empty())
                fail(fmt::format("expected a dimension scale on axis {}, found none", axis));
            else if (const auto s = scales.find(dims[axis]);
                     s != scales.end() && s->second != shape[axis])
                fail(fmt::format("expected {} entries on axis {} ({}), found {}", s->second, axis,
                                 dims[axis], shape[axis]));
        }
        if (!d.little_endian()) fail("expected little-endian numbers");
        for (const char* name : {"long_name", "units"})
            if (!d.has_attr(name)) fail(fmt::format("expected an attribute '{}' (string), found none", name));
        attributes(d, part(rule, "attributes"));
    }

    // Walks the segments of a group's path; true where at least one group matched.
    bool descend(const Node& node, const std::vector<std::string>& path, std::size_t depth,
                 const Json& rule, const Bindings& bindings, const Scales& scales,
                 std::set<std::string>& known) {
        if (depth == path.size()) {
            group(node, rule, bindings, scales);
            return true;
        }
        const Pattern pattern(filled(path[depth], bindings), placeholders_);
        bool found = false;
        for (const auto& name : node.children()) {
            Bindings inner = bindings;
            if (!node.is_group(name) || !pattern.matches(name, &inner)) continue;
            known.insert(name);
            found = descend(node.group(name), path, depth + 1, rule, inner, scales, known) || found;
        }
        return found;
    }

    const Json& placeholders_;
    Findings& findings_;
};

Json parse_file(const std::filesystem::path& path) {
    std::ifstream in(path);
    const Json out = Json::parse(in, nullptr, false);
    if (!in || !out.is_object()) throw BadInput(path.string() + ": not a readable schema");
    return out;
}

}  // namespace

nlohmann::ordered_json load_schema(const std::string& kind) {
    const auto folder = share_dir() / "schema";
    std::vector<std::string> known;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.path().stem() != "common") known.push_back(entry.path().stem().string());
    if (std::find(known.begin(), known.end(), kind) == known.end())
        throw BadInput(
            fmt::format("kind '{}' is unknown; known: {}", kind, join(nearest_first(kind, known))));
    Json out = parse_file(folder / (kind + ".json"));
    const Json common = parse_file(folder / "common.json");
    for (const char* section : {"attributes", "datasets"})
        for (const auto& [name, rule] : common.at(section).items()) out[section][name] = rule;
    return out;
}

nlohmann::ordered_json load_schema(const Input& file) {
    try {
        return load_schema(file.kind());
    } catch (const BadInput& e) {
        throw BadInput(fmt::format("{}: {}", file.path().string(), e.what()), e.hint());
    }
}

void refuse_loops(const Input& file) {
    std::set<std::pair<unsigned long, haddr_t>> seen;
    std::vector<Node> open;
    const auto enter = [&](Node node) {
        H5O_info_t info;
        if (H5Oget_info(node.id(), &info) < 0) throw BadInput(node.where() + ": cannot be read");
        if (!seen.emplace(info.fileno, info.addr).second)
            throw BadInput(node.where() + ": this group is linked twice; cortune writes no such file");
        open.push_back(std::move(node));
    };
    enter(file.root().group("/"));
    while (!open.empty()) {
        check_interrupt();
        const Node node = std::move(open.back());
        open.pop_back();
        for (const auto& name : node.children())
            if (node.is_group(name)) enter(node.group(name));
    }
}

Findings check(const Input& file, const nlohmann::ordered_json& schema) {
    refuse_loops(file);
    Findings out;
    Checker(schema, out).group(file.root(), schema, {}, {});
    return out;
}

}  // namespace cortune::h5
