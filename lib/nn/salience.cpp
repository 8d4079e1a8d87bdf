// SPDX-License-Identifier: BSD-3-Clause
#include "nn/salience.hpp"

#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "core/interrupt.hpp"

namespace cortune::nn {

using torch::Tensor;

namespace {

Tensor weighted(const Tensor& activation, const Tensor& weight) { return torch::relu((weight.unsqueeze(-1).unsqueeze(-1) * activation).sum(1)); }

Tensor plus_plus_weights(const Tensor& a, const Tensor& g) {
    const Tensor square = g * g, sum = a.sum({2, 3}, /*keepdim=*/true);
    Tensor share = square / (2 * square + sum * square * g + 1e-6);
    share = torch::where(g != 0, share, torch::zeros_like(share));
    return (share * torch::relu(g)).sum({2, 3});
}

}  // namespace

Trace trace(Map map, const Scorer& scorer, const Tensor& pictures) {
    const Tensor x = pictures.detach().clone().requires_grad_();
    Tensor activation;
    const Tensor score = scorer(x, map == Map::gradient ? nullptr : &activation);
    return {score, map == Map::gradient ? x : activation};
}

Tensor map_of(Map map, const Trace& t, const Tensor& score, bool again) {
    const Tensor g = torch::autograd::grad({score.sum()}, {t.at}, {}, /*retain_graph=*/again)[0].detach(), a = t.at.detach();
    switch (map) {
        case Map::gradcam: return weighted(a, g.mean({2, 3}));
        case Map::gradcam_plus_plus: return weighted(a, plus_plus_weights(a, g));
        case Map::hirescam: return torch::relu((g * a).sum(1));
        case Map::gradient: return (g * g).sum(1);
    }
    return {};
}

Tensor integrated_gradients(const Scorer& scorer, const Tensor& pictures, int steps) {
    Tensor sum = torch::zeros_like(pictures);
    for (int s = 0; s < steps; ++s) {
        check_interrupt();
        const Tensor x = (pictures * ((s + .5) / steps)).detach().requires_grad_();
        sum += torch::autograd::grad({scorer(x, nullptr).sum()}, {x})[0];
    }
    return (pictures * sum / steps).sum(1);
}

Tensor occlusion(const Scorer& scorer, const Tensor& pictures, int window) {
    torch::NoGradGuard no_gradients;
    const auto n = pictures.size(0), side = pictures.size(2);
    const std::int64_t w = std::min<std::int64_t>(window, side), stride = std::max<std::int64_t>(1, w / 2);
    std::vector<std::int64_t> starts;
    for (std::int64_t at = 0; at + w < side; at += stride) starts.push_back(at);
    starts.push_back(side - w);
    const Tensor whole = scorer(pictures, nullptr);
    Tensor fall = torch::zeros({n, side, side}, pictures.options()), count = torch::zeros({side, side}, pictures.options());
    for (const auto row : starts)
        for (const auto column : starts) {
            check_interrupt();
            Tensor hidden = pictures.clone();
            hidden.narrow(2, row, w).narrow(3, column, w).zero_();
            fall.narrow(1, row, w).narrow(2, column, w).add_((whole - scorer(hidden, nullptr)).view({n, 1, 1}));
            count.narrow(0, row, w).narrow(1, column, w).add_(1);
        }
    return fall / count;
}

Tensor to_picture_size(const Tensor& map, std::int64_t size) {
    return torch::upsample_bilinear2d(map.unsqueeze(1), {size, size}, /*align_corners=*/false).squeeze(1);
}

}  // namespace cortune::nn
