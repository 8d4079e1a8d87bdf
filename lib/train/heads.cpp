// SPDX-License-Identifier: BSD-3-Clause
#include "train/heads.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/hash.hpp"
#include "core/random.hpp"

namespace cortune::train {

using torch::Tensor;

HeadSizes head_sizes(std::int64_t outputs, std::int64_t voxels, int embedding, int projection) {
    // int(.8 V) in Python: the product in double, cut.
    const auto share = [&](double s) {
        return std::max<std::int64_t>(1, static_cast<std::int64_t>(s * static_cast<double>(voxels)));
    };
    return {outputs, voxels, embedding > 0 ? embedding : share(.8), projection > 0 ? projection : share(.2)};
}

Heads::Heads(bool contrastive, const HeadSizes& s, std::int64_t seed, torch::ScalarType dtype, torch::Device device)
    : seed_(seed), options_(torch::TensorOptions().dtype(dtype).device(device)) {
    if (!contrastive) {
        linear("readout", s.voxels, s.outputs, true);
        return;
    }
    linear("image", s.embedding, s.outputs, false);
    linear("response", s.embedding, s.voxels, false);
    linear("head.0", s.embedding, s.embedding, true);
    norm("head.1", s.embedding);
    linear("head.3", s.embedding, s.embedding, true);
    norm("head.4", s.embedding);
    linear("head.6", s.projection, s.embedding, false);
}

void Heads::linear(const std::string& name, std::int64_t out, std::int64_t in, bool bias) {
    const double bound = 1 / std::sqrt(static_cast<double>(in));
    const auto draw = [&](const std::string& parameter, std::vector<std::int64_t> shape) {
        Tensor t = torch::empty(shape, torch::kFloat64);
        Rng rng(static_cast<std::uint64_t>(seed_), hash64("heads/" + parameter));
        double* values = t.data_ptr<double>();
        // Rounded to float32 in every precision, so that runs of two precisions start equal.
        for (std::int64_t i = 0; i < t.numel(); ++i) values[i] = static_cast<float>(rng.uniform(-bound, bound));
        parameters_.emplace_back(parameter, t.to(options_).requires_grad_());
    };
    draw(name + ".weight", {out, in});
    if (bias) draw(name + ".bias", {out});
}

void Heads::norm(const std::string& name, std::int64_t width) {
    parameters_.emplace_back(name + ".weight", torch::ones({width}, options_).requires_grad_());
    parameters_.emplace_back(name + ".bias", torch::zeros({width}, options_).requires_grad_());
    buffers_.emplace_back(name + ".running_mean", torch::zeros({width}, options_));
    buffers_.emplace_back(name + ".running_var", torch::ones({width}, options_));
}

Tensor Heads::get(const std::string& name) const {
    for (const auto* group : {&parameters_, &buffers_})
        for (const auto& [key, value] : *group)
            if (key == name) return value;
    throw std::logic_error("heads have no tensor " + name);
}

Tensor Heads::project(Tensor x, bool training) {
    for (const char* stage : {"head.0", "head.3"}) {
        const std::string linear_name = stage;
        const std::string norm_name = linear_name == "head.0" ? "head.1" : "head.4";
        x = torch::linear(x, get(linear_name + ".weight"), get(linear_name + ".bias"));
        x = torch::batch_norm(x, get(norm_name + ".weight"), get(norm_name + ".bias"), get(norm_name + ".running_mean"),
                              get(norm_name + ".running_var"), training, /*momentum=*/.1, /*eps=*/1e-5,
                              /*cudnn_enabled=*/true);
        x = torch::relu(x);
    }
    return torch::linear(x, get("head.6.weight"));
}

std::pair<Tensor, Tensor> Heads::embed(const Tensor& logits, const Tensor& responses, bool training) {
    Tensor image = project(torch::linear(logits, get("image.weight")), training);
    Tensor response = project(torch::linear(responses, get("response.weight")), training);
    return {image, response};
}

Tensor Heads::predict(const Tensor& logits) const {
    return torch::linear(logits, get("readout.weight"), get("readout.bias"));
}

}  // namespace cortune::train
