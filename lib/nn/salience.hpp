// SPDX-License-Identifier: BSD-3-Clause
// Maps of where in its pictures a network finds what a score is made of.
#pragma once

#include <functional>

#include "nn/torch.hpp"

namespace cortune::nn {

// (N) scores of normalised pictures (N, 3, H, W), differentiable; the tapped feature map (N, C, h, w) goes to `activation`
// where that is not null. A score depends on its own picture alone.
using Scorer = std::function<torch::Tensor(const torch::Tensor& pictures, torch::Tensor* activation)>;

// (N, h, w): ReLU(Σ_k α_k A_k) with α_k the mean over space of ∂score/∂A_k (Selvaraju et al. 2017).
torch::Tensor grad_cam(const Scorer& scorer, const torch::Tensor& pictures);
// The same with Grad-CAM++'s weights (Chattopadhay et al. 2018): α_k = Σ_ij a_ij ReLU(g_ij), a = g² / (2 g² + g³ Σ A).
torch::Tensor grad_cam_plus_plus(const Scorer& scorer, const torch::Tensor& pictures);
// (N, H, W): Σ over channels of (x − x₀) · mean gradient on the way from the mean colour x₀ (0 where pictures are normalised) to
// x, by the midpoint rule. Signed; sums to score(x) − score(x₀) (Sundararajan et al. 2017).
torch::Tensor integrated_gradients(const Scorer& scorer, const torch::Tensor& pictures, int steps);
// (N, H, W): how much the score falls where a square of the mean colour hides a pixel, the mean over squares half a window apart
// (Zeiler & Fergus 2014). Signed.
torch::Tensor occlusion(const Scorer& scorer, const torch::Tensor& pictures, int window);

// (N, h, w) → (N, size, size), bilinear between pixel centres.
torch::Tensor to_picture_size(const torch::Tensor& map, std::int64_t size);

}  // namespace cortune::nn
