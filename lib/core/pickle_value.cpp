// SPDX-License-Identifier: BSD-3-Clause
#include "core/pickle.hpp"

namespace cortune::pickle {

bool Value::made_by(const std::string& name) const {
    return kind == Kind::object && callable && callable->kind == Kind::global && callable->text == name;
}

const Value* Value::at(std::size_t i) const { return i < items.size() ? items[i] : nullptr; }

const Value* Value::find(const std::string& key) const {
    const Value* found = nullptr;  // as in Python, the last of equal keys counts
    for (const auto& [k, v] : pairs)
        if (k->kind == Kind::text && k->text == key) found = v;
    return found;
}

std::string Value::describe() const {
    switch (kind) {
        case Kind::none: return "None";
        case Kind::boolean: return "bool";
        case Kind::integer:
        case Kind::big_integer: return "int";
        case Kind::real: return "float";
        case Kind::text: return "str";
        case Kind::bytes: return "bytes";
        case Kind::tuple: return "tuple";
        case Kind::list: return "list";
        case Kind::dict: return "dict";
        case Kind::global: return "global " + text;
        case Kind::object: return "object of " + (callable ? callable->text : std::string("?"));
        case Kind::persistent: return "persistent id";
    }
    return "?";
}

}  // namespace cortune::pickle
