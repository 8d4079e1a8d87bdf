// SPDX-License-Identifier: BSD-3-Clause
#include "train/loss.hpp"

namespace cortune::train {
namespace {

using torch::Tensor;

// Norms below 1e-8 count as 1e-8, as in torch.cosine_similarity.
Tensor unit_rows(const Tensor& x) { return x / x.norm(2, 1, true).clamp_min(1e-8); }

Tensor nll_part(const Tensor& similarity, std::int64_t first) {
    return -torch::log_softmax(similarity, 1).diagonal(first).sum() / static_cast<double>(similarity.size(1));
}

}  // namespace

Tensor infonce(const Tensor& a, const Tensor& b, double temperature, std::int64_t first) {
    return nll_part(unit_rows(a).mm(unit_rows(b).t()) / temperature, first);
}

Tensor infonce_shared(const Tensor& a, const Tensor& b, const Tensor& owner, double temperature, const Rows& rows) {
    const Tensor nll = -torch::log_softmax(unit_rows(a).mm(unit_rows(b).t()) / temperature, 1);
    // 1 where response j is one of image i's.
    const Tensor positive = owner.unsqueeze(0).eq(torch::arange(rows.first, rows.first + rows.count, owner.options()).unsqueeze(1)).to(nll.scalar_type());
    return ((nll * positive).sum(1) / positive.sum(1)).sum() / static_cast<double>(rows.total);
}

Tensor clip(const Tensor& own_a, const Tensor& own_b, const Tensor& all_a, const Tensor& all_b, double temperature, std::int64_t first) {
    return (infonce(own_a, all_b, temperature, first) + infonce(own_b, all_a, temperature, first)) / 2;
}

Tensor mse(const Tensor& prediction, const Tensor& response, std::int64_t n) {
    return (prediction - response).square().sum() / static_cast<double>(n * response.size(1));
}

}  // namespace cortune::train
