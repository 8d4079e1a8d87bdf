// SPDX-License-Identifier: BSD-3-Clause
// Reading a study's table with messages that name the place.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cortune::study {

// An object of the table and where it is: "study.json: data".
class Table {
  public:
    // Throws BadInput for what is no object, and for a key that is not among `known` (empty: any).
    Table(std::string where, nlohmann::ordered_json json, const std::vector<std::string>& known);

    bool has(const std::string& key) const { return json_.contains(key); }
    std::string text(const std::string& key) const;
    std::vector<std::string> texts(const std::string& key) const;       // a text, or a list of them, not empty
    std::vector<std::int64_t> numbers(const std::string& key) const;    // a whole number, or a list of them, not empty
    Table table(const std::string& key, const std::vector<std::string>& known) const;
    const nlohmann::ordered_json& at(const std::string& key) const;             // BadInput where it is missing
    std::vector<std::string> keys() const;                              // in the table's order
    std::string where(const std::string& key) const { return where_ + ": " + key; }

    // {"epochs": 5, "align-shared": true, "layers": ["a", "b"]} → --epochs 5 --align-shared --layers a,b; nothing
    // where the key is missing.
    std::vector<std::string> options(const std::string& key) const;

  private:
    std::string where_;
    nlohmann::ordered_json json_;
};

// The whole file, an object.
nlohmann::ordered_json read_table(const std::filesystem::path& file);

}  // namespace cortune::study
