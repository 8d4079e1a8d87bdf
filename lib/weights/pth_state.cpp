// SPDX-License-Identifier: BSD-3-Clause
#include "weights/pth_state.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/error.hpp"

namespace cortune::weights {
namespace {

using pickle::Kind;
using pickle::Value;

struct StorageClass {
    NumberFormat format;
    std::size_t element;
};
// By class name without "torch." and "Storage".
const std::map<std::string, StorageClass> storage_classes = {
    {"Half", {NumberFormat::float16, 2}},  {"BFloat16", {NumberFormat::bfloat16, 2}},
    {"Float", {NumberFormat::float32, 4}}, {"Double", {NumberFormat::float64, 8}},
    {"Long", {NumberFormat::integer, 8}},  {"Int", {NumberFormat::integer, 4}},
    {"Short", {NumberFormat::integer, 2}}, {"Char", {NumberFormat::integer, 1}},
    {"Byte", {NumberFormat::integer, 1}},  {"Bool", {NumberFormat::integer, 1}}};

// "Float" of "torch.FloatStorage", "" for anything else.
std::string storage_class(const std::string& global) {
    constexpr std::string_view prefix = "torch.", suffix = "Storage";
    if (!global.starts_with(prefix) || !global.ends_with(suffix) ||
        global.size() < prefix.size() + suffix.size())
        return {};
    const std::string name = global.substr(prefix.size(), global.size() - prefix.size() - suffix.size());
    return storage_classes.contains(name) ? name : std::string{};
}

struct View {
    const Value* storage;
    std::int64_t offset;
    std::vector<std::int64_t> shape, stride;
};

std::int64_t integer(const Value* v, const std::string& where) {
    if (!v || !v->is(Kind::integer)) throw BadInput(where + ": expected an integer in its tensor");
    return v->integer;
}

std::vector<std::int64_t> integers(const Value* v, const std::string& where) {
    if (!v || !v->is(Kind::tuple)) throw BadInput(where + ": expected a tuple of sizes in its tensor");
    std::vector<std::int64_t> out;
    for (const Value* item : v->items) out.push_back(integer(item, where));
    return out;
}

// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks), possibly
// inside _rebuild_parameter(tensor, requires_grad, hooks); before PyTorch 0.4
// _rebuild_tensor(storage, offset, size, stride).
View parse_tensor(const Value& value, const std::string& where) {
    const Value* v = &value;
    if (v->made_by("torch._utils._rebuild_parameter") && v->args && v->args->at(0)) v = v->args->at(0);
    if (!(v->made_by("torch._utils._rebuild_tensor_v2") || v->made_by("torch._utils._rebuild_tensor")) || !v->args)
        throw BadInput(fmt::format("{}: expected a tensor, found {}", where, v->describe()));
    const Value* storage = v->args->at(0);
    if (!storage || !storage->is(Kind::persistent))
        throw BadInput(where + ": expected a storage in its tensor");
    View out{storage, integer(v->args->at(1), where), integers(v->args->at(2), where),
             integers(v->args->at(3), where)};
    if (out.shape.size() != out.stride.size() || out.shape.size() > 16)
        throw BadInput(fmt::format("{}: shape ({}) does not go with strides ({})", where,
                                   fmt::join(out.shape, ", "), fmt::join(out.stride, ", ")));
    return out;
}

// Throws where the view reaches outside its storage, or repeats it to more than its size.
std::int64_t checked_count(const View& view, std::int64_t elements, const std::string& where) {
    const std::int64_t count = element_count(view.shape, where);
    if (count == 0) return 0;
    __int128 last = view.offset;
    bool good = view.offset >= 0 && count <= elements;
    for (std::size_t i = 0; i < view.shape.size(); ++i) {
        good = good && view.stride[i] >= 0;
        last += static_cast<__int128>(view.shape[i] - 1) * view.stride[i];
    }
    if (!good || last >= elements)
        throw BadInput(fmt::format("{}: a view of shape ({}) does not fit its storage of {} elements",
                                   where, fmt::join(view.shape, ", "), elements));
    return count;
}

// In C order, by an odometer over the indices.
std::vector<float> gather(const View& view, std::int64_t count, const std::vector<float>& storage) {
    std::vector<float> out;
    out.reserve(static_cast<std::size_t>(count));
    std::vector<std::int64_t> index(view.shape.size(), 0);
    for (std::int64_t at = view.offset, n = 0; n < count; ++n) {
        out.push_back(storage[static_cast<std::size_t>(at)]);
        for (std::size_t axis = index.size(); axis-- > 0;) {
            at += view.stride[axis];
            if (++index[axis] < view.shape[axis]) break;
            at -= view.stride[axis] * view.shape[axis];
            index[axis] = 0;
        }
    }
    return out;
}

bool is_mapping(const Value& v) { return v.is(Kind::dict) || v.made_by("collections.OrderedDict"); }

using Entries = std::vector<std::pair<const Value*, const Value*>>;

// Of a dict or OrderedDict. Python 2 gave the latter its entries as a list of pairs when it
// made it, later ones set them one by one.
Entries entries_of(const Value& v, const std::string& where) {
    auto sequence = [](const Value& x) { return x.is(Kind::list) || x.is(Kind::tuple); };
    Entries out;
    if (const Value* list = v.args ? v.args->at(0) : nullptr) {
        if (!sequence(*list))
            throw BadInput(
                fmt::format("{}: expected an OrderedDict made from a list of pairs, found {}", where, list->describe()));
        for (const Value* pair : list->items) {
            if (!sequence(*pair) || pair->items.size() != 2)
                throw BadInput(fmt::format("{}: expected a pair of name and value in its OrderedDict, found {}", where,
                                           pair->describe()));
            out.emplace_back(pair->items[0], pair->items[1]);
        }
    }
    out.insert(out.end(), v.pairs.begin(), v.pairs.end());
    return out;
}

// Names and tensors: the entries of the root or of its entry "state_dict".
Entries state_entries(const Value& root, const std::string& where) {
    const Value* found = &root;
    if (is_mapping(root)) {
        auto entries = entries_of(root, where);
        for (const auto& [key, value] : entries)
            if (key->is(Kind::text) && key->text == "state_dict") found = value;
        if (found == &root) return entries;
    }
    if (is_mapping(*found)) return entries_of(*found, where);
    throw BadInput(fmt::format("{}: expected a state dict, found {}", where, found->describe()),
                   "torch.save(model.state_dict(), FILE) makes one");
}

std::string name_of(const Value& key, const std::string& where) {
    if (!key.is(Kind::text))
        throw BadInput(fmt::format("{}: expected names as keys, found {}", where, key.describe()));
    return key.text;
}

}  // namespace

bool allowed_global(const std::string& name) {
    return name == "collections.OrderedDict" || name == "torch._utils._rebuild_tensor_v2" ||
           name == "torch._utils._rebuild_tensor" || name == "torch._utils._rebuild_parameter" ||
           !storage_class(name).empty();
}

PthStorage parse_storage(const Value& persistent, const std::string& where) {
    // ("storage", class, key, location, elements[, view]); a view of a view was never common.
    const Value* id = persistent.args;
    const Value *kind = id ? id->at(0) : nullptr, *type = id ? id->at(1) : nullptr;
    const Value *key = id ? id->at(2) : nullptr, *elements = id ? id->at(4) : nullptr;
    const bool good = kind && kind->text == "storage" && type && type->is(Kind::global) && key &&
                      key->is(Kind::text) && elements && elements->is(Kind::integer) &&
                      elements->integer >= 0 && elements->integer < std::int64_t{1} << 40 &&
                      (!id->at(5) || id->at(5)->is(Kind::none));
    if (!good || storage_class(type->text).empty())
        throw BadInput(where + ": a storage is described in an unknown way");
    const StorageClass& c = storage_classes.at(storage_class(type->text));
    return {key->text, c.format, c.element, elements->integer};
}

std::vector<PthStorage> storages_of(const Value& root, const std::string& where) {
    std::vector<PthStorage> out;
    for (const auto& [key, value] : state_entries(root, where)) {
        const std::string at = where + ":" + name_of(*key, where);
        PthStorage s = parse_storage(*parse_tensor(*value, at).storage, at);
        if (std::none_of(out.begin(), out.end(), [&](const PthStorage& o) { return o.key == s.key; }))
            out.push_back(std::move(s));
    }
    return out;
}

StateDict tensors_of(const Value& root, const std::string& where, const FetchStorage& fetch) {
    StateDict out;
    std::map<std::string, std::vector<float>> numbers;  // storages may be shared
    for (const auto& [key, value] : state_entries(root, where)) {
        const std::string name = name_of(*key, where), at = where + ":" + name;
        const View view = parse_tensor(*value, at);
        const PthStorage storage = parse_storage(*view.storage, at);
        if (find(out, name)) throw BadInput(at + ": named twice");
        if (storage.format == NumberFormat::integer) {
            if (name.ends_with("num_batches_tracked")) continue;
            throw BadInput(at + ": expected floating-point numbers, found integers");
        }
        const std::int64_t count = checked_count(view, storage.elements, at);
        if (!numbers.contains(storage.key))
            numbers[storage.key] = to_float(storage.format, fetch(storage));
        const auto& data = numbers[storage.key];
        if (std::cmp_not_equal(data.size(), storage.elements))
            throw BadInput(fmt::format("{}: expected a storage of {} elements, found {}", at,
                                       storage.elements, data.size()));
        out.push_back({name, view.shape, gather(view, count, data)});
    }
    return out;
}

}  // namespace cortune::weights
