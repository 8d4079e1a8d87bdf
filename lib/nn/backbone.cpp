// SPDX-License-Identifier: BSD-3-Clause
#include "nn/backbone.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/random.hpp"
#include "core/text.hpp"
#include "weights/architecture.hpp"

namespace cortune::nn {

using torch::Tensor;

weights::Tensor to_plain(const std::string& name, const Tensor& tensor) {
    const Tensor t = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
    const float* data = t.data_ptr<float>();
    return {name, t.sizes().vec(), std::vector<float>(data, data + t.numel())};
}

Tensor from_plain(const weights::Tensor& tensor) {
    return torch::from_blob(const_cast<float*>(tensor.data.data()), tensor.shape, torch::kFloat32).clone();
}

Backbone::Backbone(const std::string& architecture) {
    const auto& a = weights::architecture(architecture);
    name_ = a.name;
    for (const auto& p : a.parameters) parameters_.emplace_back(p.name, Tensor());
    outputs_ = a.parameters.back().shape[0];
    if (name_ == "alexnet") build_alexnet(4, 2, 2, 6);
    else if (name_ == "alexnet-mini") build_alexnet(2, 2, 1, 3);
    else build_squeezenet();
}

std::size_t Backbone::parameter(const std::string& name) {
    const auto at = std::find_if(parameters_.begin(), parameters_.end(), [&](const auto& p) { return p.first == name; });
    if (at == parameters_.end()) throw std::logic_error(name_ + " has no parameter " + name);
    return static_cast<std::size_t>(at - parameters_.begin());
}

Backbone::Function Backbone::conv(const std::string& name, std::int64_t stride, std::int64_t padding) {
    return [this, w = parameter(name + ".weight"), b = parameter(name + ".bias"), stride,
            padding](const Tensor& x, const Dropout*) {
        return torch::conv2d(x, parameters_[w].second.to(x.scalar_type()),
                             parameters_[b].second.to(x.scalar_type()), stride, padding);
    };
}

Backbone::Function Backbone::linear(const std::string& name) {
    return [this, w = parameter(name + ".weight"), b = parameter(name + ".bias")](const Tensor& x, const Dropout*) {
        return torch::linear(x, parameters_[w].second.to(x.scalar_type()), parameters_[b].second.to(x.scalar_type()));
    };
}

Backbone::Function Backbone::fire(const std::string& name) {
    auto squeeze = conv(name + ".squeeze", 1, 0);
    auto one = conv(name + ".expand1x1", 1, 0);
    auto three = conv(name + ".expand3x3", 1, 1);
    return [=](const Tensor& x, const Dropout* d) {
        const Tensor s = torch::relu(squeeze(x, d));
        return torch::cat({torch::relu(one(s, d)), torch::relu(three(s, d))}, 1);
    };
}

Backbone::Function Backbone::dropout() {
    return [layer = dropouts_++](const Tensor& x, const Dropout* d) { return d ? (*d)(x, layer) : x; };
}

namespace {

Tensor relu(const Tensor& x, const Dropout*) { return torch::relu(x); }
Tensor pool(const Tensor& x, const Dropout*) { return torch::max_pool2d(x, 3, 2); }
// torchvision's SqueezeNet rounds the pooled size up.
Tensor pool_ceil(const Tensor& x, const Dropout*) {
    return torch::max_pool2d(x, 3, 2, /*padding=*/0, /*dilation=*/1, /*ceil_mode=*/true);
}

}  // namespace

void Backbone::build_alexnet(std::int64_t first_stride, std::int64_t first_padding,
                             std::int64_t second_padding, std::int64_t pooled) {
    add("features.0", conv("features.0", first_stride, first_padding));
    add("features.1", relu);
    add("features.2", pool);
    add("features.3", conv("features.3", 1, second_padding));
    add("features.4", relu);
    add("features.5", pool);
    for (const auto* index : {"6", "8", "10"}) {
        add(fmt::format("features.{}", index), conv(fmt::format("features.{}", index), 1, 1));
        add(fmt::format("features.{}", std::atoi(index) + 1), relu);
    }
    add("features.12", pool);
    add("avgpool", [pooled](const Tensor& x, const Dropout*) {
        // At the network's own image size there is nothing to average, and its gradient has no fixed order on GPUs.
        const bool there = x.size(2) == pooled && x.size(3) == pooled;
        return (there ? x : torch::adaptive_avg_pool2d(x, {pooled, pooled})).contiguous().flatten(1);
    });
    add("classifier.0", dropout());
    add("classifier.1", linear("classifier.1"));
    add("classifier.2", relu);
    add("classifier.3", dropout());
    add("classifier.4", linear("classifier.4"));
    add("classifier.5", relu);
    add("classifier.6", linear("classifier.6"));
}

void Backbone::build_squeezenet() {
    add("features.0", conv("features.0", 2, 0));
    add("features.1", relu);
    add("features.2", pool_ceil);
    for (int index : {3, 4, 6, 7, 9, 10, 11, 12}) {
        if (index == 6 || index == 9) add(fmt::format("features.{}", index - 1), pool_ceil);
        add(fmt::format("features.{}", index), fire(fmt::format("features.{}", index)));
    }
    add("classifier.0", dropout());
    add("classifier.1", conv("classifier.1", 1, 0));
    add("classifier.2", relu);
    add("classifier.3", [](const Tensor& x, const Dropout*) {
        return x.mean({2, 3});
    });
}

void Backbone::load(const weights::StateDict& state, torch::ScalarType dtype, torch::Device device) {
    for (auto& [name, value] : parameters_) {
        const weights::Tensor* found = weights::find(state, name);
        if (!found) throw std::logic_error("load: " + name + " is absent");
        value = from_plain(*found).to(device, dtype);
        if (value.dim() == 4) value = value.contiguous(at::MemoryFormat::ChannelsLast);
    }
}

void Backbone::init(std::int64_t seed, torch::Device device) {
    weights::StateDict state;
    double bound = 0;
    std::uint64_t stream = 0;
    for (const auto& p : weights::architecture(name_).parameters) {
        weights::Tensor t{p.name, p.shape, {}};
        std::int64_t count = 1;
        for (auto s : p.shape) count *= s;
        // A bias follows its weight and has the same bound.
        if (p.shape.size() > 1) bound = 1 / std::sqrt(static_cast<double>(count / p.shape[0]));
        Rng rng(static_cast<std::uint64_t>(seed), stream++);
        for (std::int64_t i = 0; i < count; ++i) t.data.push_back(static_cast<float>(rng.uniform(-bound, bound)));
        state.push_back(std::move(t));
    }
    load(state, torch::kFloat32, device);
}

weights::StateDict Backbone::state() const {
    weights::StateDict out;
    for (const auto& [name, value] : parameters_) out.push_back(to_plain(name, value));
    return out;
}

Tensor Backbone::forward(Tensor x, const Dropout* drop) const {
    for (const auto& module : modules_) x = module.function(x, drop);
    return x;
}

void Backbone::tapped(Tensor x, const std::vector<std::string>& taps, const Tap& tap) const {
    torch::NoGradGuard no_gradients;
    traced(std::move(x), taps, tap);
}

void Backbone::traced(Tensor x, const std::vector<std::string>& taps, const Tap& tap) const {
    std::size_t left = taps.size();
    for (const auto& module : modules_) {
        if (left == 0) return;
        x = module.function(x, nullptr);
        if (std::find(taps.begin(), taps.end(), module.name) == taps.end()) continue;
        tap(module.name, x);
        --left;
    }
}

std::vector<std::string> Backbone::module_names() const {
    std::vector<std::string> out;
    for (const auto& module : modules_) out.push_back(module.name);
    return out;
}

void Backbone::check_taps(const std::vector<std::string>& taps) const {
    const auto known = module_names();
    for (const auto& tap : taps)
        if (std::find(known.begin(), known.end(), tap) == known.end())
            throw BadInput(fmt::format("{} has no module '{}'; known: {}", name_, tap, join(nearest_first(tap, known))));
}

}  // namespace cortune::nn
