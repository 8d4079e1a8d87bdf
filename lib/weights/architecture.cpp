// SPDX-License-Identifier: BSD-3-Clause
#include "weights/architecture.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.hpp"
#include "core/text.hpp"

namespace cortune::weights {
namespace {

void layer(std::vector<ParameterShape>& out, const std::string& name,
           std::vector<std::int64_t> shape) {
    const std::int64_t outputs = shape[0];
    out.push_back({name + ".weight", std::move(shape)});
    out.push_back({name + ".bias", {outputs}});
}

// Pixels on a side from which a convolution or a pooling makes `out`.
constexpr int input_of(int out, int kernel, int stride, int padding = 0) {
    return (out - 1) * stride + kernel - 2 * padding;
}
// The same for a pooling that rounds up: its last window may reach over the edge.
constexpr int ceil_input_of(int out, int kernel, int stride) { return input_of(out, kernel, stride) - (stride - 1); }

// Backwards from one pixel behind the last pooling; convolutions of 3 with padding 1 keep
// the size. AlexNet's three poolings (3, stride 2): 1 ← 3 ← 7 ← 15 pixels.
constexpr int pooled_thrice = input_of(input_of(input_of(1, 3, 2), 3, 2), 3, 2);
static_assert(pooled_thrice == 15);
constexpr int alexnet_least = input_of(pooled_thrice, 11, 4, 2);
static_assert(alexnet_least == 63);
constexpr int alexnet_mini_least = input_of(pooled_thrice, 5, 2, 2);
static_assert(alexnet_mini_least == 29);
// SqueezeNet's poolings round up: 1 ← 2 ← 4 ← 8 pixels.
constexpr int squeezenet_least = input_of(ceil_input_of(ceil_input_of(ceil_input_of(1, 3, 2), 3, 2), 3, 2), 3, 2);
static_assert(squeezenet_least == 17);

const std::vector<std::string> alexnet_taps = {"features.2",  "features.5",   "features.7",
                                               "features.9",  "features.12",  "classifier.2",
                                               "classifier.5", "classifier.6"};

Architecture alexnet() {
    Architecture a{"alexnet", 224, alexnet_least, {}, alexnet_taps};
    layer(a.parameters, "features.0", {64, 3, 11, 11});
    layer(a.parameters, "features.3", {192, 64, 5, 5});
    layer(a.parameters, "features.6", {384, 192, 3, 3});
    layer(a.parameters, "features.8", {256, 384, 3, 3});
    layer(a.parameters, "features.10", {256, 256, 3, 3});
    layer(a.parameters, "classifier.1", {4096, 9216});
    layer(a.parameters, "classifier.4", {4096, 4096});
    layer(a.parameters, "classifier.6", {1000, 4096});
    return a;
}

// AlexNet's module names at 64 px: small enough to ship and to tune in seconds.
Architecture alexnet_mini() {
    Architecture a{"alexnet-mini", 64, alexnet_mini_least, {}, alexnet_taps};
    layer(a.parameters, "features.0", {32, 3, 5, 5});
    layer(a.parameters, "features.3", {48, 32, 3, 3});
    layer(a.parameters, "features.6", {64, 48, 3, 3});
    layer(a.parameters, "features.8", {64, 64, 3, 3});
    layer(a.parameters, "features.10", {64, 64, 3, 3});
    layer(a.parameters, "classifier.1", {256, 576});
    layer(a.parameters, "classifier.4", {256, 256});
    layer(a.parameters, "classifier.6", {128, 256});
    return a;
}

void fire(std::vector<ParameterShape>& out, const std::string& name, std::int64_t in,
          std::int64_t squeeze, std::int64_t expand) {
    layer(out, name + ".squeeze", {squeeze, in, 1, 1});
    layer(out, name + ".expand1x1", {expand, squeeze, 1, 1});
    layer(out, name + ".expand3x3", {expand, squeeze, 3, 3});
}

Architecture squeezenet() {
    Architecture a{"squeezenet1_1", 224, squeezenet_least, {},
                   {"features.2", "features.4", "features.7", "features.9", "features.10",
                    "features.11", "features.12", "classifier.3"}};
    layer(a.parameters, "features.0", {64, 3, 3, 3});
    fire(a.parameters, "features.3", 64, 16, 64);
    fire(a.parameters, "features.4", 128, 16, 64);
    fire(a.parameters, "features.6", 128, 32, 128);
    fire(a.parameters, "features.7", 256, 32, 128);
    fire(a.parameters, "features.9", 256, 48, 192);
    fire(a.parameters, "features.10", 384, 48, 192);
    fire(a.parameters, "features.11", 384, 64, 256);
    fire(a.parameters, "features.12", 512, 64, 256);
    layer(a.parameters, "classifier.1", {1000, 512, 1, 1});
    return a;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
    return fmt::format("({})", fmt::join(shape, ", "));
}

// The first difference, or an empty string.
std::string mismatch(const StateDict& state, const Architecture& a) {
    for (const auto& wanted : a.parameters) {
        const Tensor* found = find(state, wanted.name);
        if (!found) return fmt::format("{}: expected {}, found no such tensor", wanted.name, shape_text(wanted.shape));
        if (found->shape != wanted.shape)
            return fmt::format("{}: expected {}, found {}", wanted.name, shape_text(wanted.shape), shape_text(found->shape));
    }
    for (const auto& t : state)
        if (std::none_of(a.parameters.begin(), a.parameters.end(), [&](const auto& p) { return p.name == t.name; }))
            return fmt::format("{}: {} has no such tensor", t.name, a.name);
    return {};
}

}  // namespace

const std::vector<Architecture>& architectures() {
    static const std::vector<Architecture> all = {alexnet(), alexnet_mini(), squeezenet()};
    return all;
}

const Architecture& architecture(const std::string& name) {
    std::vector<std::string> known;
    for (const auto& a : architectures()) {
        if (a.name == name) return a;
        known.push_back(a.name);
    }
    throw BadInput(fmt::format("unknown backbone '{}'; known: {}", name, join(nearest_first(name, known))));
}

const Architecture& asked_architecture(const std::string& name) {
    try {
        return architecture(name);
    } catch (const BadInput& e) {
        throw UsageError(e.what());
    }
}

void check_architecture(const StateDict& state, const Architecture& a, const std::string& where) {
    if (const std::string difference = mismatch(state, a); !difference.empty())
        throw BadInput(fmt::format("{}: not the weights of {}: {}", where, a.name, difference));
}

const Architecture& identify(const StateDict& state, const std::string& where) {
    const Architecture* best = nullptr;
    std::ptrdiff_t shared = -1;
    for (const auto& a : architectures()) {
        if (mismatch(state, a).empty()) return a;
        const auto equal = std::count_if(a.parameters.begin(), a.parameters.end(), [&](const auto& p) {
            const Tensor* t = find(state, p.name);
            return t && t->shape == p.shape;
        });
        if (equal > shared) best = &a, shared = equal;
    }
    check_architecture(state, *best, where);
    return *best;
}

}  // namespace cortune::weights
