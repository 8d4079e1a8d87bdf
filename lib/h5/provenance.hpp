// SPDX-License-Identifier: BSD-3-Clause
// Who made a file, from what: one JSON node per command, kept in /provenance with the
// nodes of all ancestors, so that a file explains itself when its parents are gone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cortune::h5 {

// What a command says of itself before it writes.
struct Record {
    std::string tool;
    std::vector<std::string> argv;
    nlohmann::json options = nlohmann::json::object();    // effective values, by option name
    std::int64_t seed = -1;                                // -1: the tool draws nothing
    int threads = 1;
    std::string device = "cpu";
    nlohmann::json libraries = nlohmann::json::object();  // name → version
    // Foreign inputs: path → SHA-256 of the file's bytes (or of a list of hashes, for folders).
    nlohmann::json inputs = nlohmann::json::object();
    std::vector<std::string> parents;                      // uuids of cortune inputs
    nlohmann::json ancestry = nlohmann::json::object();   // uuid → node, all ancestors

    void add_input(const std::filesystem::path& path, const std::string& sha256);
    // Takes the parent's nodes in.
    void add_parent(const std::string& uuid, const nlohmann::json& provenance);
    nlohmann::json node() const;  // this command alone
};

// {"root": uuid, "nodes": {uuid: node}}, a file before its parents and these as they were
// given: equal runs give equal text but for the uuids.
nlohmann::ordered_json provenance_of(const Record& record, const std::string& uuid);

// Whether the nodes of a tree have the types that a record gives them.
bool well_formed(const nlohmann::json& nodes);

// The tree as indented text, root first.
std::string provenance_text(const nlohmann::json& provenance);

}  // namespace cortune::h5
