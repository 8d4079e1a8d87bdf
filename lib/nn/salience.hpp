// SPDX-License-Identifier: BSD-3-Clause
// Maps of where in its pictures a network finds what a score is made of.
#pragma once

#include <functional>

#include "nn/torch.hpp"

namespace cortune::nn {

// (N) scores of normalised pictures (N, 3, H, W), differentiable; the tapped feature map (N, C, h, w) goes to `activation`
// where that is not null. A score depends on its own picture alone.
using Scorer = std::function<torch::Tensor(const torch::Tensor& pictures, torch::Tensor* activation)>;

// Maps from one gradient g = ∂score/∂A of the feature map A, or of the picture x.
//   gradcam    ReLU(Σ_k α_k A_k), α_k the mean of g_k over space (Selvaraju et al. 2017). The mean forgets where the score's weights
//              lie: of two scores that read the same features in different halves of the picture it makes the same map.
//   gradcam++  the same with α_k = Σ_ij a_ij ReLU(g_ij), a = g² / (2 g² + g³ Σ A) (Chattopadhay et al. 2018)
//   hirescam   ReLU(Σ_k g_k A_k): place by place (Draelos & Carin 2020, arXiv 2011.08891)
//   gradient   Σ over channels of (∂score/∂x)²: how much a change there changes the score (Baehrens et al. 2010, JMLR)
enum class Map { gradcam, gradcam_plus_plus, hirescam, gradient };

// A (or x) with what is needed for gradients of scores.
struct Trace {
    torch::Tensor score;  // as the scorer gave it; further dimensions are of further scores
    torch::Tensor at;     // (N, C, h, w)
};
Trace trace(Map map, const Scorer& scorer, const torch::Tensor& pictures);
// (N, h, w) of one of its scores, (N). `again`: the trace is used for another one after it.
torch::Tensor map_of(Map map, const Trace& trace, const torch::Tensor& score, bool again);

// (N, H, W): Σ over channels of (x − x₀) · mean gradient on the way from the mean colour x₀ (0 where pictures are normalised) to
// x, by the midpoint rule. Signed; sums to score(x) − score(x₀) (Sundararajan et al. 2017).
torch::Tensor integrated_gradients(const Scorer& scorer, const torch::Tensor& pictures, int steps);
// (N, H, W): how much the score falls where a square of the mean colour hides a pixel, the mean over squares half a window apart
// (Zeiler & Fergus 2014). Signed.
torch::Tensor occlusion(const Scorer& scorer, const torch::Tensor& pictures, int window);

// (N, h, w) → (N, size, size), bilinear between pixel centres.
torch::Tensor to_picture_size(const torch::Tensor& map, std::int64_t size);

}  // namespace cortune::nn
