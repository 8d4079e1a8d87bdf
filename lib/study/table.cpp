// SPDX-License-Identifier: BSD-3-Clause
#include "study/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "core/error.hpp"
#include "core/system.hpp"
#include "core/text.hpp"

namespace cortune::study {
namespace {

using Json = nlohmann::ordered_json;

std::string scalar(const Json& value, const std::string& where) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number()) return value.dump();
    throw BadInput(fmt::format("{}: expected a text or a number, found {}", where, value.dump()));
}

// A list of them or one alone.
std::vector<std::string> scalars(const Json& value, const std::string& where) {
    std::vector<std::string> out;
    if (!value.is_array()) return {scalar(value, where)};
    for (const auto& one : value) out.push_back(scalar(one, where));
    if (out.empty()) throw BadInput(where + ": expected one entry or more, found none");
    return out;
}

}  // namespace

Json read_table(const std::filesystem::path& file) {
    require_readable(file);
    std::ifstream in(file);
    try {
        // The parser would keep the last of two equal keys and say nothing.
        std::vector<std::set<std::string>> keys;
        const auto once = [&](int, Json::parse_event_t event, Json& parsed) {
            if (event == Json::parse_event_t::object_start) keys.emplace_back();
            if (event == Json::parse_event_t::object_end) keys.pop_back();
            if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second)
                throw BadInput(fmt::format("{}: key '{}' is there twice in one object", file.string(), parsed.get<std::string>()));
            return true;
        };
        auto out = Json::parse(in, once, true, true);  // comments are welcome
        if (!out.is_object()) throw BadInput(file.string() + ": expected a JSON object");
        return out;
    } catch (const nlohmann::json::exception& e) {
        const std::string why = e.what();  // "[json.exception.parse_error.101] parse error at line 1, …"
        throw BadInput(fmt::format("{}: {}", file.string(), why.substr(std::min(why.size(), why.find("] ") + 2))), "a study is described in cortune(5)");
    }
}

Table::Table(std::string where, Json json, const std::vector<std::string>& known) : where_(std::move(where)), json_(std::move(json)) {
    if (!json_.is_object()) throw BadInput(fmt::format("{}: expected an object, found {}", where_, json_.dump()));
    for (const auto& [key, value] : json_.items())
        if (!known.empty() && std::find(known.begin(), known.end(), key) == known.end())
            throw BadInput(fmt::format("{}: '{}' is unknown", where_, key), "did you mean " + nearest_first(key, known)[0] + "?");
}

const Json& Table::at(const std::string& key) const {
    if (!json_.contains(key)) throw BadInput(fmt::format("{}: '{}' is missing", where_, key), "a study is described in cortune(5)");
    return json_.at(key);
}

std::string Table::text(const std::string& key) const {
    if (!at(key).is_string() || at(key).get_ref<const std::string&>().empty()) throw BadInput(fmt::format("{}: expected a text, found {}", where(key), at(key).dump()));
    return at(key);
}

std::vector<std::string> Table::texts(const std::string& key) const { return scalars(at(key), where(key)); }

std::vector<std::int64_t> Table::numbers(const std::string& key) const {
    std::vector<std::int64_t> out;
    const Json list = at(key).is_array() ? at(key) : Json::array({at(key)});
    for (const auto& one : list) {
        if (!one.is_number_integer() || one.get<std::int64_t>() < 0) throw BadInput(fmt::format("{}: expected whole numbers from 0, found {}", where(key), one.dump()));
        out.push_back(one);
    }
    if (out.empty()) throw BadInput(where(key) + ": expected one number or more, found none");
    return out;
}

Table Table::table(const std::string& key, const std::vector<std::string>& known) const { return {where(key), at(key), known}; }

std::vector<std::string> Table::keys() const {
    std::vector<std::string> out;
    for (const auto& [key, value] : json_.items()) out.push_back(key);
    return out;
}

std::vector<std::string> Table::options(const std::string& key) const {
    std::vector<std::string> out;
    if (!has(key)) return out;
    const Table named(where(key), at(key), {});
    for (const auto& [name, value] : named.json_.items()) {
        if (name.empty() || name[0] == '-') throw BadInput(fmt::format("{}: '{}': options are written without dashes", named.where_, name));
        if (value.is_boolean()) {
            if (value.get<bool>()) out.push_back("--" + name);
            continue;
        }
        out.push_back("--" + name);
        out.push_back(join(scalars(value, named.where(name)), ","));
    }
    return out;
}

}  // namespace cortune::study
