// SPDX-License-Identifier: BSD-3-Clause
#include "engine/salience_network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/error.hpp"
#include "core/random.hpp"
#include "nn/preprocess.hpp"

namespace cortune::engine {
namespace {

using torch::Tensor;

const std::map<std::string, nn::Map>& gradient_methods() {
    static const std::map<std::string, nn::Map> methods = {
        {"gradcam", nn::Map::gradcam}, {"gradcam++", nn::Map::gradcam_plus_plus}, {"hirescam", nn::Map::hirescam}, {"gradient", nn::Map::gradient}};
    return methods;
}

bool needs_tap(const std::string& method) { return method == "gradcam" || method == "gradcam++" || method == "hirescam"; }

// The last feature map up to `layer` that the module after it makes smaller, or that is `layer` itself.
std::string default_tap(const nn::Backbone& backbone, const std::string& layer, int size, torch::Device device) {
    std::string best, before;
    std::int64_t values = 0;  // of the feature map before; 0: it was none
    bool past = false;
    backbone.tapped(torch::zeros({1, 3, size, size}, device), backbone.module_names(), [&](const std::string& name, const Tensor& output) {
        if (past) return;
        const bool map = output.dim() == 4 && output.size(2) > 1;
        if (output.numel() < values) best = before;
        if (name == layer && map) best = name;
        before = name, values = map ? output.numel() : 0, past = name == layer;
    });
    if (best.empty()) throw BadInput(fmt::format("{} has no feature map before {}", backbone.name(), layer), "--tap names one");
    return best;
}

// Refuses a tap that the score is not made from.
void check_tap(const nn::Backbone& backbone, const std::string& tap, const std::string& layer, int size, torch::Device device) {
    backbone.check_taps({tap});
    const auto names = backbone.module_names();
    if (std::find(names.begin(), names.end(), tap) > std::find(names.begin(), names.end(), layer))
        throw BadInput(fmt::format("--tap {} comes after {}, which the score is made from", tap, layer), "an earlier module, or leave it out");
    backbone.tapped(torch::zeros({1, 3, size, size}, device), {tap}, [&](const std::string&, const Tensor& output) {
        if (output.dim() != 4) throw BadInput(fmt::format("--tap {} is no feature map: it has no places", tap), "a module before the flattening, or leave it out");
    });
}

// A stream a tensor, so that no tensor's order depends on the others.
weights::StateDict in_random_order(const weights::StateDict& state, std::int64_t seed) {
    weights::StateDict out = state;
    std::uint64_t stream = 0;
    for (auto& tensor : out) Rng(static_cast<std::uint64_t>(seed), stream++).shuffle(tensor.data);
    return out;
}

Tensor as_scores(const Tensor& score) { return score.detach().to(torch::kCPU, torch::kFloat64); }

}  // namespace

SalienceNetwork::SalienceNetwork(const SalienceJob& job, const weights::Model& model, const weights::NetworkNote& network, const FeaturePictures& pictures, torch::Device device, h5::Record& record)
    : job_(job), pictures_(pictures), device_(device), size_(model.image_size), backbone_(model.backbone) {
    backbone_.load(model.parameters, torch::kFloat32, device);
    target_ = salience_target(job, model, network, backbone_, pictures, device, record);
    if (needs_tap(job.method)) {
        tap_ = job.tap.empty() ? default_tap(backbone_, target_->layer(), size_, device) : job.tap;
        check_tap(backbone_, tap_, target_->layer(), size_, device);
    }
    if (!job.checks) return;
    control_.emplace(model.backbone);
    control_->load(in_random_order(model.parameters, job.run.seed), torch::kFloat32, device);
    target_->make_control(static_cast<std::uint64_t>(job.run.seed));
}

Tensor SalienceNetwork::normalised(const Tensor& pixels) const { return nn::normalise(pixels, torch::kFloat32, device_); }

Tensor SalienceNetwork::maps(const Tensor& x, std::int64_t first, std::vector<double>* score) {
    // The first pass is that of the pictures as they are (but for integrated gradients, which begin elsewhere): it says
    // what is shown of them, and their scores.
    bool first_pass = score != nullptr;
    const nn::Scorer scorer = [&](const Tensor& pictures, Tensor* activation) {
        const Tensor output = run(backbone_, pictures, activation);
        if (first_pass) target_->choose(output.detach(), first);
        const Tensor own = target_->score(output, first);
        if (first_pass) {
            const Tensor values = as_scores(own);
            score->insert(score->end(), values.data_ptr<double>(), values.data_ptr<double>() + values.numel());
        }
        first_pass = false;
        return own;
    };
    if (score && job_.method == "integrated-gradients") {
        torch::NoGradGuard no_gradients;
        scorer(x, nullptr);
    }
    const Tensor out = map(scorer, x);
    const Tensor bad = torch::isfinite(out).flatten(1).all(1).logical_not();
    if (bad.any().item<bool>())
        throw RunFailed(fmt::format("{}: its map by {} has values that are not finite", pictures_.id()[static_cast<std::size_t>(first + bad.nonzero()[0].item<std::int64_t>())], job_.method), "another --method, or leave the picture out");
    return out;
}

Tensor SalienceNetwork::control_maps(const Tensor& x, std::int64_t first) {
    return map([&](const Tensor& pictures, Tensor* activation) { return target_->control_score(run(*control_, pictures, activation), first); }, x);
}

Tensor SalienceNetwork::scores(const Tensor& x, std::int64_t first) const {
    torch::NoGradGuard no_gradients;
    return as_scores(target_->score(run(backbone_, x, nullptr), first));
}

Tensor SalienceNetwork::blank_scores(std::int64_t first, std::int64_t count) const {
    torch::NoGradGuard no_gradients;
    const Tensor output = run(backbone_, torch::zeros({1, 3, size_, size_}, torch::TensorOptions().device(device_)), nullptr);
    std::vector<std::int64_t> shape = output.sizes().vec();
    shape[0] = count;
    return as_scores(target_->score(output.expand(shape), first));
}

Tensor SalienceNetwork::map(const nn::Scorer& scorer, const Tensor& x) const {
    Tensor out;
    if (job_.method == "integrated-gradients") out = nn::integrated_gradients(scorer, x, job_.steps);
    else if (job_.method == "occlusion") out = nn::occlusion(scorer, x, window());
    else {
        const nn::Map kind = gradient_methods().at(job_.method);
        const nn::Trace trace = nn::trace(kind, scorer, x);
        out = nn::to_picture_size(nn::map_of(kind, trace, trace.score, false), size_);
    }
    return out.detach().to(torch::kCPU).contiguous();
}

// The output that the score is made from.
Tensor SalienceNetwork::run(const nn::Backbone& backbone, const Tensor& pictures, Tensor* activation) const {
    std::vector<std::string> taps = {target_->layer()};
    if (activation && tap_ != target_->layer()) taps.push_back(tap_);
    Tensor output;
    backbone.traced(pictures, taps, [&](const std::string& name, const Tensor& value) {
        if (activation && name == tap_) *activation = value;
        if (name == target_->layer()) output = value;
    });
    return output;
}

}  // namespace cortune::engine
