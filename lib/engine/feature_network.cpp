// SPDX-License-Identifier: BSD-3-Clause
#include "engine/feature_network.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "weights/architecture.hpp"

namespace cortune::engine {

using torch::Tensor;

FeatureNetwork::FeatureNetwork(const FeatureJob& job, const weights::Model& model, const FeaturePictures& pictures, torch::Device device)
    : job_(job), device_(device), backbone_(model.backbone), layers_(job.layers) {
    backbone_.load(model.parameters, torch::kFloat32, device);
    if (layers_.empty() && !job.embeddings) layers_ = weights::architecture(model.backbone).default_taps;
    backbone_.check_taps(layers_);
    taps_ = layers_;
    describe_layers(model.image_size);
    if (!job.embeddings) return;
    if (const auto output = backbone_.module_names().back(); std::find(taps_.begin(), taps_.end(), output) == taps_.end()) taps_.push_back(output);
    heads_ = std::make_unique<EmbeddingHeads>(model, pictures.data(), job.model.string(), device);
    for (const char* of : {"image", "response"}) {
        if (!heads_->measured() && of == std::string("response")) continue;
        arrays_.push_back({"embeddings", fmt::format("{}_h", of), {{"embedding", heads_->sizes().embedding}}, fmt::format("{} branch before the projection head", of)});
        arrays_.push_back({"embeddings", fmt::format("{}_z", of), {{"projection", heads_->sizes().projection}}, fmt::format("{} branch after the projection head", of)});
    }
}

void FeatureNetwork::describe_layers(int image_size) {
    std::vector<std::vector<std::int64_t>> shape(layers_.size());
    std::vector<char> pooled_space(layers_.size());
    if (!layers_.empty())
        backbone_.tapped(torch::zeros({1, 3, image_size, image_size}, device_), layers_, [&](const std::string& name, const Tensor& output) {
            const auto at = static_cast<std::size_t>(std::find(layers_.begin(), layers_.end(), name) - layers_.begin());
            shape[at] = pooled(output).sizes().vec();
            pooled_space[at] = output.dim() == 4;
        });
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        features::FeatureArray a{"features", layers_[i], {}, "output of " + layers_[i]};
        const bool space = shape[i].size() == 4;
        const std::vector<const char*> axis = space ? std::vector{"_channel", "_row", "_column"} : std::vector{pooled_space[i] ? "_channel" : "_unit"};
        for (std::size_t d = 1; d < shape[i].size(); ++d) a.axes.emplace_back(layers_[i] + axis[d - 1], shape[i][d]);
        arrays_.push_back(std::move(a));
    }
}

Tensor FeatureNetwork::pooled(const Tensor& output) const {
    if (output.dim() != 4 || job_.pool == "none") return output;
    return job_.pool == "max" ? output.amax({2, 3}) : output.mean({2, 3});
}

void FeatureNetwork::embed(FeaturePictures& pictures, const Tensor& logits, std::int64_t first, const ArraySink& sink) {
    torch::NoGradGuard no_gradients;
    const auto count = logits.size(0);
    std::size_t array = layers_.size();
    const auto both = [&](const Tensor& hidden) {
        for (const Tensor& part : {hidden, heads_->project(hidden)}) {
            const Tensor plain = part.to(torch::kCPU).contiguous();
            sink(array++, first, count, plain.data_ptr<float>());
        }
    };
    both(heads_->hidden_images(logits));
    if (!heads_->measured()) return;
    const auto& all = pictures.rows();
    both(heads_->hidden_responses({all.begin() + first, all.begin() + first + count}));
}

void FeatureNetwork::run(FeaturePictures& pictures, std::int64_t begin, std::int64_t total, const ArraySink& sink, Reporter& reporter) {
    const auto read = [&](std::int64_t first, std::int64_t count) { return pictures.read(begin + first, count); };
    nn::forward_pass(backbone_, taps_, total, read, job_.batch, device_, [&](std::size_t tap, std::int64_t first, const Tensor& output) {
        if (tap < layers_.size()) {
            const Tensor plain = pooled(output).contiguous().to(torch::kCPU);
            sink(tap, begin + first, plain.size(0), plain.data_ptr<float>());
        }
        if (heads_ && taps_[tap] == backbone_.module_names().back()) embed(pictures, output.flatten(1), begin + first, sink);
    }, reporter);
}

}  // namespace cortune::engine
