// SPDX-License-Identifier: BSD-3-Clause
#include "train/heads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "core/error.hpp"
#include "core/hash.hpp"
#include "core/random.hpp"
#include "nn/backbone.hpp"
#include "train/batch_norm.hpp"

namespace cortune::train {

using torch::Tensor;

namespace {

constexpr std::int64_t largest_roi = 5741;  // right EBA of NSD's subject 5

std::int64_t pooled_width(const std::string& pool, const std::vector<Branch>& branches) {
    if (pool == "const") return largest_roi;
    if (pool == "avg") {
        std::int64_t sum = 0;
        for (const auto& b : branches) sum += b.voxels;
        return sum / static_cast<std::int64_t>(branches.size());
    }
    int width = 0;
    const auto [end, code] = std::from_chars(pool.data(), pool.data() + pool.size(), width);
    if (code != std::errc{} || end != pool.data() + pool.size() || width < 1)
        throw UsageError(fmt::format("--pool: expected const, avg or a whole number, 1 or more, found '{}'", pool));
    return width;
}

}  // namespace

HeadSizes head_sizes(std::int64_t outputs, const std::vector<Branch>& branches, const TuningOptions& o) {
    // int(.8 V) in Python: the product in double, cut.
    const auto share = [](double s, std::int64_t of) {
        return std::max<std::int64_t>(1, static_cast<std::int64_t>(s * static_cast<double>(of)));
    };
    HeadSizes out{outputs, 0, 0};
    if (o.pool.empty()) {
        const std::int64_t voxels = branches.at(0).voxels;
        out.embedding = share(.8, voxels);
        out.projection = share(.2, voxels);
    } else {
        out.embedding = std::max<std::int64_t>(1, pooled_width(o.pool, branches));
        out.projection = share(.25, out.embedding);
    }
    if (o.embedding > 0) out.embedding = o.embedding;
    if (o.projection > 0) out.projection = o.projection;
    return out;
}

HeadSizes head_sizes(const weights::StateDict& heads, const std::string& where) {
    const weights::Tensor *image = weights::find(heads, "image.weight"), *last = weights::find(heads, "head.6.weight");
    if (!image || !last || image->shape.size() != 2 || last->shape.size() != 2)
        throw BadInput(where + ": it has no contrastive heads", "cl-finetune with --loss infonce or clip makes them");
    return {image->shape[1], image->shape[0], last->shape[0]};
}

Heads::Heads(bool contrastive, const HeadSizes& s, const std::vector<Branch>& branches, std::int64_t seed, torch::ScalarType dtype, torch::Device device,
             const World& world)
    : seed_(seed), options_(torch::TensorOptions().dtype(dtype).device(device)), world_(world) {
    for (const auto& b : branches) branches_.push_back((contrastive ? "response" : "readout") + (b.name.empty() ? "" : '.' + b.name));
    if (!contrastive) {
        for (std::size_t b = 0; b < branches.size(); ++b) linear(branches_[b], branches[b].voxels, s.outputs, true);
        return;
    }
    linear("image", s.embedding, s.outputs, false);
    for (std::size_t b = 0; b < branches.size(); ++b) linear(branches_[b], s.embedding, branches[b].voxels, false);
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

void Heads::load(const weights::StateDict& state, const std::string& where) {
    torch::NoGradGuard no_gradients;
    for (auto* group : {&parameters_, &buffers_})
        for (auto& [name, value] : *group) {
            const weights::Tensor* found = weights::find(state, name);
            if (!found) throw BadInput(fmt::format("{}: heads/{} is missing", where, name));
            if (found->shape != value.sizes().vec())
                throw BadInput(fmt::format("{}: heads/{} has another shape than its model's responses and heads ask for", where, name));
            value.copy_(nn::from_plain(*found));
        }
}

Tensor Heads::get(const std::string& name) const {
    for (const auto* group : {&parameters_, &buffers_})
        for (const auto& [key, value] : *group)
            if (key == name) return value;
    throw std::logic_error("heads have no tensor " + name);
}

Tensor Heads::project(Tensor x, bool training, const Rows& rows) {
    for (const char* stage : {"head.0", "head.3"}) {
        const std::string linear_name = stage;
        const std::string norm_name = linear_name == "head.0" ? "head.1" : "head.4";
        x = torch::linear(x, get(linear_name + ".weight"), get(linear_name + ".bias"));
        x = batch_norm(x, {get(norm_name + ".weight"), get(norm_name + ".bias"), get(norm_name + ".running_mean"), get(norm_name + ".running_var")}, training,
                       rows, world_);
        x = torch::relu(x);
    }
    return torch::linear(x, get("head.6.weight"));
}

Tensor Heads::hidden_responses(std::size_t branch, const Tensor& responses) const {
    return torch::linear(responses, get(branches_.at(branch) + ".weight"));
}

Tensor Heads::embed_images(const Tensor& logits, bool training, const Rows& rows) {
    return project(hidden_images(logits), training, rows);
}

Tensor Heads::embed_responses(std::size_t branch, const Tensor& responses, bool training, const Rows& rows) {
    return project(hidden_responses(branch, responses), training, rows);
}

Tensor Heads::predict(std::size_t branch, const Tensor& logits) const {
    return torch::linear(logits, get(branches_.at(branch) + ".weight"), get(branches_.at(branch) + ".bias"));
}

}  // namespace cortune::train
