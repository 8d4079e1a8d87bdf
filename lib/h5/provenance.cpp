// SPDX-License-Identifier: BSD-3-Clause
#include "h5/provenance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/system.hpp"
#include "core/text.hpp"

namespace cortune::h5 {

using nlohmann::json;

void Record::add_input(const std::filesystem::path& path, const std::string& sha256) {
    inputs[path.string()] = sha256;
}

void Record::add_parent(const std::string& uuid, const json& provenance) {
    if (std::find(parents.begin(), parents.end(), uuid) == parents.end()) parents.push_back(uuid);
    if (provenance.contains("nodes"))
        for (const auto& [key, node] : provenance["nodes"].items()) ancestry[key] = node;
}

json Record::node() const {
    json out = {{"tool", tool},       {"version", version()}, {"argv", argv},
                {"options", options}, {"threads", threads},   {"device", device},
                {"libraries", libraries}, {"inputs", inputs}, {"parents", parents}};
    out["seed"] = seed < 0 ? json(nullptr) : json(seed);
    return out;
}

namespace {

void list_nodes(const json& nodes, const std::string& uuid, nlohmann::ordered_json& out) {
    if (out.contains(uuid) || !nodes.contains(uuid)) return;
    out[uuid] = nodes[uuid];
    if (nodes[uuid].contains("parents"))
        for (const auto& parent : nodes[uuid]["parents"]) list_nodes(nodes, parent.get<std::string>(), out);
}

}  // namespace

nlohmann::ordered_json provenance_of(const Record& record, const std::string& uuid) {
    json nodes = record.ancestry;
    nodes[uuid] = record.node();
    auto ordered = nlohmann::ordered_json::object();
    list_nodes(nodes, uuid, ordered);
    for (const auto& [other, node] : nodes.items())  // reached by no parent: kept all the same
        if (!ordered.contains(other)) ordered[other] = node;
    return {{"root", uuid}, {"nodes", ordered}};
}

bool well_formed(const json& nodes) {
    const auto strings = [](const json& node, const char* key) {
        if (!node.contains(key)) return true;
        const json& list = node[key];
        return list.is_array() && std::all_of(list.begin(), list.end(), [](const json& x) { return x.is_string(); });
    };
    if (!nodes.is_object()) return false;
    for (const auto& [uuid, node] : nodes.items()) {
        if (!node.is_object() || !strings(node, "argv") || !strings(node, "parents")) return false;
        for (const char* key : {"tool", "version"})
            if (node.contains(key) && !node[key].is_string()) return false;
        if (!node.contains("inputs")) continue;
        if (!node["inputs"].is_object()) return false;
        for (const auto& [path, hash] : node["inputs"].items())
            if (!hash.is_string()) return false;
    }
    return true;
}

namespace {

// No chain of commands is as long; what claims to be is cut.
constexpr int deepest = 500;

// A file that several others were made from is explained once; this ends cycles, too.
void print_node(const json& nodes, const std::string& uuid, int depth, std::set<std::string>& seen,
                std::string& out) {
    const std::string pad(static_cast<std::size_t>(2 * depth), ' ');
    if (depth > deepest) {
        out += pad + "…\n";
        return;
    }
    if (!nodes.contains(uuid)) {
        out += fmt::format("{}{} (unknown)\n", pad, uuid);
        return;
    }
    const json& node = nodes[uuid];
    out += fmt::format("{}{} {} [{}]\n", pad, node.value("tool", "?"), node.value("version", "?"), uuid);
    if (!seen.insert(uuid).second) {
        out += pad + "  (as above)\n";
        return;
    }
    if (node.contains("argv"))
        out += fmt::format("{}  $ {}\n", pad, join(node["argv"].get<std::vector<std::string>>(), " "));
    if (node.contains("inputs"))
        for (const auto& [path, hash] : node["inputs"].items())
            out += fmt::format("{}  < {} sha256:{:.12}…\n", pad, path, hash.get<std::string>());
    if (node.contains("parents"))
        for (const auto& parent : node["parents"])
            print_node(nodes, parent.get<std::string>(), depth + 1, seen, out);
}

}  // namespace

std::string provenance_text(const json& provenance) {
    std::string out;
    std::set<std::string> seen;
    print_node(provenance.at("nodes"), provenance.at("root").get<std::string>(), 0, seen, out);
    return out;
}

}  // namespace cortune::h5
