// SPDX-License-Identifier: BSD-3-Clause
#include "weights/storage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

#include "core/error.hpp"
#include "core/system.hpp"
#include "weights/model_file.hpp"

namespace cortune::weights {
namespace {

// Floats in their order as whole numbers: neighbours differ by one, and both zeros are 0.
std::int64_t step_of(float x) {
    const auto bits = std::bit_cast<std::int32_t>(x);
    return bits < 0 ? -static_cast<std::int64_t>(bits & 0x7fffffff) : bits;
}
float at_step(std::int64_t step) {
    return std::bit_cast<float>(step < 0 ? static_cast<std::int32_t>(static_cast<std::uint32_t>(-step) | 0x80000000U) : static_cast<std::int32_t>(step));
}

// Small numbers of either sign with few bits set, for the compression: 0, −1, 1, −2, … → 0, 1, 2, 3, …
std::int32_t folded(std::int64_t d) { return static_cast<std::int32_t>(static_cast<std::uint32_t>((static_cast<std::uint64_t>(d) << 1) ^ static_cast<std::uint64_t>(d >> 63))); }
std::int64_t unfolded(std::int32_t f) {
    const auto u = static_cast<std::uint32_t>(f);
    return static_cast<std::int64_t>(u >> 1) ^ -static_cast<std::int64_t>(u & 1);
}

// Names of a tensor's axes, axis<i>_<size>, which are made where they are not there.
std::vector<std::string> axes_of(h5::Node& group, const std::vector<std::int64_t>& shape) {
    std::vector<std::string> dims;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        dims.push_back(fmt::format("axis{}_{}", axis, shape[axis]));
        if (!group.has(dims.back())) group.index_scale(dims.back(), static_cast<std::uint64_t>(shape[axis]), {"index"});
    }
    return dims;
}
bool is_axis(const std::string& name) { return name.starts_with("axis") && name.find('_') != std::string::npos; }

const Tensor& of_base(const StateDict& base, const std::string& name, std::size_t size) {
    const Tensor* found = find(base, name);
    if (!found || found->data.size() != size) throw std::logic_error("storage: " + name + " is not the base's");
    return *found;
}

}  // namespace

const std::vector<std::string>& storage_names() {
    static const std::vector<std::string> names{"float32", "float16", "bfloat16", "difference", "difference16"};
    return names;
}

Storage storage_of(const std::string& name) {
    const auto& names = storage_names();
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) throw UsageError("unknown way of storing: " + name);
    return static_cast<Storage>(at - names.begin());
}

const std::string& name_of(Storage storage) { return storage_names()[static_cast<std::size_t>(storage)]; }

void write_stored(h5::Node& group, const StateDict& state, Storage storage, const StateDict& base) {
    for (const auto& t : state) {
        const auto dims = axes_of(group, t.shape);
        const h5::Describe text{t.name};
        if (storage == Storage::difference) {
            const Tensor& from = of_base(base, t.name, t.data.size());
            std::vector<std::int32_t> steps(t.data.size());
            for (std::size_t i = 0; i < steps.size(); ++i) {
                const std::int64_t d = step_of(t.data[i]) - step_of(from.data[i]);
                if (d > INT32_MAX || d <= INT32_MIN) throw RunFailed(t.name + ": lies too far from the untuned network to be kept as a difference", "--store float32");
                steps[i] = folded(d);
            }
            group.put_packed(t.name, dims, steps, text);
        } else if (storage == Storage::difference16) {
            const Tensor& from = of_base(base, t.name, t.data.size());
            std::vector<float> d(t.data.size());
            for (std::size_t i = 0; i < d.size(); ++i) d[i] = t.data[i] - from.data[i];
            group.put_narrow(t.name, dims, d, h5::Narrow::float16, true, text);
        } else if (storage == Storage::float32) {
            group.put(t.name, dims, t.data, text);
        } else {
            group.put_narrow(t.name, dims, t.data, storage == Storage::float16 ? h5::Narrow::float16 : h5::Narrow::bfloat16, false, text);
        }
    }
}

StateDict read_stored(const h5::Node& group, Storage storage, const StateDict& base) {
    static const char* const types[] = {"float32", "float16", "bfloat16", "int32", "float16"};
    StateDict out;
    for (const auto& name : group.children()) {
        if (is_axis(name)) continue;
        const h5::Dataset d = group.dataset(name);
        const std::string expected = types[static_cast<std::size_t>(storage)];
        if (d.type_name() != expected) throw BadInput(fmt::format("{}: expected {}, found {}", d.where(), expected, d.type_name()));
        const auto shape = d.shape();
        Tensor t{name, {shape.begin(), shape.end()}, {}};
        if (storage == Storage::difference) {
            const auto steps = d.read<std::int32_t>();
            const Tensor* from = find(base, name);
            if (!from || from->data.size() != steps.size()) throw BadInput(d.where() + ": the untuned network has no such tensor");
            t.data.resize(steps.size());
            for (std::size_t i = 0; i < steps.size(); ++i) t.data[i] = at_step(step_of(from->data[i]) + unfolded(steps[i]));
        } else {
            t.data = d.read<float>();
            if (storage == Storage::difference16) {
                const Tensor* from = find(base, name);
                if (!from || from->data.size() != t.data.size()) throw BadInput(d.where() + ": the untuned network has no such tensor");
                for (std::size_t i = 0; i < t.data.size(); ++i) t.data[i] += from->data[i];
            }
        }
        out.push_back(std::move(t));
    }
    return out;
}

double storage_error(const StateDict& kept, const StateDict& tuned, const StateDict& untuned) {
    double lost = 0, changed = 0;
    for (const auto& t : tuned) {
        const Tensor &k = of_base(kept, t.name, t.data.size()), &u = of_base(untuned, t.name, t.data.size());
        for (std::size_t i = 0; i < t.data.size(); ++i) {
            const auto x = static_cast<double>(t.data[i]);
            lost += (static_cast<double>(k.data[i]) - x) * (static_cast<double>(k.data[i]) - x);
            changed += (x - static_cast<double>(u.data[i])) * (x - static_cast<double>(u.data[i]));
        }
    }
    return lost == 0 ? 0 : std::sqrt(lost / changed);
}

StateDict find_base(const h5::Input& file, const std::string& recorded, const std::string& sha256) {
    namespace fs = std::filesystem;
    std::vector<fs::path> places{file.path().parent_path() / recorded, recorded, share_dir() / "models" / (file.root().attr_string("backbone") + ".h5")};
    if (const char* set = std::getenv("CORTUNE_WEIGHTS")) places.insert(places.begin(), set);
    std::error_code ignored;
    for (const auto& place : places) {
        if (!fs::is_regular_file(place, ignored) || fs::equivalent(place, file.path(), ignored)) continue;
        h5::Record unused;
        Model found = load_weights(place, unused);
        if (parameters_sha256(found.parameters) == sha256) return std::move(found.parameters);
    }
    throw BadInput(fmt::format("{}: its weights are kept as differences from {} (parameters' SHA-256 {:.12}…), which was not found", file.path().string(), recorded, sha256),
                   "set CORTUNE_WEIGHTS to the untuned network; model-convert then writes a file that needs none");
}

}  // namespace cortune::weights
