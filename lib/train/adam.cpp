// SPDX-License-Identifier: BSD-3-Clause
#include "train/adam.hpp"

// at::parallel_for runs on one thread where a file is compiled without OpenMP.
#include <ATen/Parallel.h>

#include <cmath>

#include "core/parallel.hpp"

namespace cortune::train {
namespace {

constexpr double beta1 = .9, beta2 = .999, adam_epsilon = 1e-8;

struct Coefficients {
    double decay, step_size, root_correction;
};

// One pass over memory instead of seven: the step is bound by it.
template <class T>
void fused_step(T* p, const T* g, T* m, T* v, std::int64_t n, const Coefficients& c) {
    const T b1 = static_cast<T>(beta1), b2 = static_cast<T>(beta2), eps = static_cast<T>(adam_epsilon);
    const T decay = static_cast<T>(c.decay), size = static_cast<T>(c.step_size);
    const T root = static_cast<T>(c.root_correction);
    const T one_b1 = static_cast<T>(1 - beta1), one_b2 = static_cast<T>(1 - beta2);
    parallel_pieces(n, 1 << 16, at::get_num_threads(), [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
            const T gradient = g[i] + decay * p[i];
            m[i] = b1 * m[i] + one_b1 * gradient;
            v[i] = b2 * v[i] + one_b2 * gradient * gradient;
            p[i] -= size * m[i] / (std::sqrt(v[i]) / root + eps);
        }
    });
}

// The same on any device, in tensor operations.
void tensor_step(torch::Tensor& p, torch::Tensor g, torch::Tensor& m, torch::Tensor& v, const Coefficients& c) {
    if (c.decay != 0) g = g.add(p, c.decay);
    m.mul_(beta1).add_(g, 1 - beta1);
    v.mul_(beta2).addcmul_(g, g, 1 - beta2);
    p.addcdiv_(m, (v.sqrt() / c.root_correction).add_(adam_epsilon), -c.step_size);
}

}  // namespace

Adam::Adam(NamedTensors parameters, double weight_decay) : weight_decay_(weight_decay) {
    for (auto& [name, p] : parameters)
        slots_.push_back({name, p, torch::zeros_like(p), torch::zeros_like(p), 0});
}

void Adam::step(double learning_rate) {
    torch::NoGradGuard no_gradients;
    for (auto& s : slots_) {
        torch::Tensor g = s.parameter.grad();
        if (!g.defined()) continue;
        ++s.steps;
        const auto t = static_cast<double>(s.steps);
        const Coefficients c{weight_decay_, learning_rate / (1 - std::pow(beta1, t)),
                             std::sqrt(1 - std::pow(beta2, t))};
        auto p = s.parameter.detach();
        // Element i of all four must be the same weight.
        if (g.strides() != p.strides()) g = torch::empty_like(p).copy_(g);
        const bool flat = p.device().is_cpu() && p.is_non_overlapping_and_dense();
        if (flat && p.scalar_type() == torch::kFloat32)
            fused_step(p.data_ptr<float>(), g.data_ptr<float>(), s.m.data_ptr<float>(), s.v.data_ptr<float>(), p.numel(), c);
        else if (flat && p.scalar_type() == torch::kFloat64)
            fused_step(p.data_ptr<double>(), g.data_ptr<double>(), s.m.data_ptr<double>(), s.v.data_ptr<double>(), p.numel(), c);
        else
            tensor_step(p, g, s.m, s.v, c);
        s.parameter.mutable_grad() = torch::Tensor();
    }
}

NamedTensors Adam::moments() const {
    NamedTensors out;
    for (const auto& s : slots_) {
        out.emplace_back(s.name + ".m", s.m);
        out.emplace_back(s.name + ".v", s.v);
    }
    return out;
}

std::vector<std::int64_t> Adam::steps() const {
    std::vector<std::int64_t> out;
    for (const auto& s : slots_) out.push_back(s.steps);
    return out;
}

void Adam::restore(const NamedTensors& moments, const std::vector<std::int64_t>& steps) {
    torch::NoGradGuard no_gradients;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        slots_[i].m.copy_(moments.at(2 * i).second);
        slots_[i].v.copy_(moments.at(2 * i + 1).second);
        slots_[i].steps = steps.at(i);
    }
}

}  // namespace cortune::train
