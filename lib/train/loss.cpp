// SPDX-License-Identifier: BSD-3-Clause
#include "train/loss.hpp"

namespace cortune::train {
namespace {

using torch::Tensor;

// Norms below 1e-8 count as 1e-8, as in torch.cosine_similarity.
Tensor unit_rows(const Tensor& x) { return x / x.norm(2, 1, true).clamp_min(1e-8); }

Tensor diagonal_nll(const Tensor& similarity) {
    return -torch::log_softmax(similarity, 1).diagonal().mean();
}

}  // namespace

Tensor infonce(const Tensor& a, const Tensor& b, double temperature) {
    return diagonal_nll(unit_rows(a).mm(unit_rows(b).t()) / temperature);
}

Tensor infonce_shared(const Tensor& a, const Tensor& b, const Tensor& owner, double temperature) {
    const Tensor nll = -torch::log_softmax(unit_rows(a).mm(unit_rows(b).t()) / temperature, 1);
    // 1 where response j is one of image i's.
    const Tensor positive = owner.unsqueeze(0).eq(torch::arange(a.size(0), owner.options()).unsqueeze(1)).to(nll.scalar_type());
    return ((nll * positive).sum(1) / positive.sum(1)).mean();
}

Tensor clip(const Tensor& a, const Tensor& b, double temperature) {
    const Tensor similarity = unit_rows(a).mm(unit_rows(b).t()) / temperature;
    return (diagonal_nll(similarity) + diagonal_nll(similarity.t())) / 2;
}

Tensor mse(const Tensor& prediction, const Tensor& response) {
    return (prediction - response).square().mean();
}

}  // namespace cortune::train
