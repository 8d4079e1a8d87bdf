// SPDX-License-Identifier: BSD-3-Clause
#include "train/classifier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numbers>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "core/random.hpp"
#include "images/image.hpp"
#include "images/source.hpp"
#include "nn/preprocess.hpp"
#include "train/adam.hpp"
#include "train/batches.hpp"
#include "train/dropout.hpp"

namespace fs = std::filesystem;

namespace cortune::train {

using torch::Tensor;

namespace {

// The mean loss of a batch of logits (outputs of the classes alone).
Tensor cross_entropy(const Tensor& logits, const Tensor& labels) { return torch::nll_loss(torch::log_softmax(logits, 1), labels); }

}  // namespace

LabelledImages read_labelled(const fs::path& folder, int size, int threads, const std::vector<std::string>& classes) {
    if (!fs::is_directory(folder)) throw BadInput(folder.string() + ": no such folder", "expected train/ and val/ with a folder per class");
    const auto source = images::open_source(folder);
    LabelledImages out;
    std::vector<std::int64_t> labels;
    for (const auto& name : source->names()) {
        const auto slash = name.find('/');
        if (slash == std::string::npos) throw BadInput(fmt::format("{}/{}: lies in no class folder", folder.string(), name));
        if (out.classes.empty() || out.classes.back() != name.substr(0, slash)) out.classes.push_back(name.substr(0, slash));
        labels.push_back(static_cast<std::int64_t>(out.classes.size()) - 1);
    }
    if (!classes.empty() && classes != out.classes)
        throw BadInput(folder.string() + ": not the classes of the training folder");
    out.sha256 = images::source_sha256(*source, threads);
    out.pixels = torch::empty({static_cast<std::int64_t>(labels.size()), size, size, 3}, torch::kUInt8);
    auto* pixels = out.pixels.data_ptr<std::uint8_t>();
    const auto bytes = static_cast<std::size_t>(size) * static_cast<std::size_t>(size) * 3;
    parallel_for(labels.size(), threads, [&](std::size_t i) {
        const auto image = images::resize_bilinear(source->picture(i), size, size);
        std::copy(image.rgb.begin(), image.rgb.end(), pixels + i * bytes);
    });
    out.labels = torch::tensor(labels, torch::kInt64);
    return out;
}

weights::History train_classifier(nn::Backbone& backbone, const LabelledImages& train, const LabelledImages& validation,
                      const ClassifierOptions& options, std::int64_t seed, torch::Device device, Reporter& reporter) {
    const auto classes = static_cast<std::int64_t>(train.classes.size());
    if (classes > backbone.outputs())
        throw BadInput(fmt::format("{} classes, but {} has {} outputs", classes, backbone.name(), backbone.outputs()));
    for (auto& [name, p] : backbone.parameters()) p.requires_grad_();
    Adam adam(backbone.parameters(), options.weight_decay);
    const auto n = train.pixels.size(0);
    const std::int64_t per_epoch = (n + options.batch - 1) / options.batch;
    std::int64_t step = 0;
    weights::History history;
    for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
        Rng rng(static_cast<std::uint64_t>(seed), mix64(static_cast<std::uint64_t>(epoch)));
        double sum = 0, rate = 0;
        for (const auto& batch : epoch_batches(n, options.batch, seed, static_cast<std::uint64_t>(epoch))) {
            check_interrupt();
            const auto which = torch::tensor(batch, torch::kInt64);
            Tensor pixels = train.pixels.index_select(0, which);
            if (rng.below(2) == 1) pixels = pixels.flip(2);
            std::vector<std::uint64_t> keys;
            for (auto i : batch) keys.push_back(mix64(static_cast<std::uint64_t>(i)));
            const nn::Dropout drop = [&](const Tensor& x, int layer) { return dropout(x, options.dropout, seed, epoch, layer, keys); };
            const Tensor logits = backbone.forward(nn::normalise(pixels, torch::kFloat32, device), &drop).narrow(1, 0, classes);
            const Tensor loss = cross_entropy(logits, train.labels.index_select(0, which).to(device));
            if (!std::isfinite(loss.item<double>()))
                throw RunFailed(fmt::format("the loss is not finite in epoch {}", epoch + 1), "a lower --lr keeps it finite");
            loss.backward();
            const double phase = static_cast<double>(step++) / static_cast<double>(per_epoch * options.epochs);
            rate = options.learning_rate * .5 * (1 + std::cos(std::numbers::pi * std::min(phase, 1.0)));
            adam.step(rate);
            sum += loss.item<double>() * static_cast<double>(batch.size());
        }
        const auto reached = accuracy(backbone, validation, device);
        history.loss.push_back(sum / static_cast<double>(n));
        history.validation_loss.push_back(reached.loss);
        history.learning_rate.push_back(rate);
        reporter.detail(fmt::format("epoch {}: loss {:.4f}, validation loss {:.4f}, top-1 {:.3f}", epoch + 1, history.loss.back(), reached.loss, reached.top1));
        reporter.progress("epoch", epoch + 1, options.epochs);
    }
    for (const auto& [name, p] : backbone.parameters())
        if (!torch::isfinite(p).all().item<bool>())
            throw RunFailed(name + " is not finite after the last epoch", "a lower --lr keeps it finite");
    return history;
}

Accuracy accuracy(const nn::Backbone& backbone, const LabelledImages& images, torch::Device device) {
    torch::NoGradGuard no_gradients;
    const auto n = images.pixels.size(0), classes = static_cast<std::int64_t>(images.classes.size());
    double first = 0, fifth = 0, loss = 0;
    for (std::int64_t at = 0; at < n; at += 256) {
        const auto count = std::min<std::int64_t>(256, n - at);
        const Tensor x = nn::normalise(images.pixels.narrow(0, at, count), torch::kFloat32, device);
        const Tensor logits = backbone.forward(x).narrow(1, 0, classes).to(torch::kCPU);
        loss += cross_entropy(logits, images.labels.narrow(0, at, count)).item<double>() * static_cast<double>(count);
        const Tensor best = std::get<1>(logits.topk(std::min<std::int64_t>(5, classes), 1));
        const Tensor hit = best.eq(images.labels.narrow(0, at, count).unsqueeze(1));
        first += hit.narrow(1, 0, 1).sum().item<double>();
        fifth += hit.sum().item<double>();
    }
    return {first / static_cast<double>(n), fifth / static_cast<double>(n), loss / static_cast<double>(n)};
}

}  // namespace cortune::train
