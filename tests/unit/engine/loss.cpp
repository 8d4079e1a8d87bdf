// SPDX-License-Identifier: BSD-3-Clause
#include "train/loss.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace cortune;
using torch::Tensor;

TEST_CASE("InfoNCE of orthogonal pairs is a closed form") {
    // cos = 1 on the diagonal, 0 elsewhere: loss = log(e^{1/τ} + n − 1) − 1/τ.
    const int n = 7;
    const double tau = .3;
    const Tensor eye = torch::eye(n, torch::kFloat64);
    const double expected = std::log(std::exp(1 / tau) + n - 1) - 1 / tau;
    // Double arithmetic on seven numbers: rounding alone.
    CHECK(train::infonce(eye, 5 * eye, tau).item<double>() == Approx(expected).epsilon(1e-13));
    CHECK(train::clip(eye, eye, eye, eye, tau).item<double>() == Approx(expected).epsilon(1e-13));
}

TEST_CASE("InfoNCE of equal rows is chance, log n") {
    const Tensor same = torch::ones({16, 4}, torch::kFloat64);
    CHECK(train::infonce(same, same, .3).item<double>() == Approx(std::log(16.)).epsilon(1e-13));
}

TEST_CASE("InfoNCE stays finite where a raw exponential would overflow") {
    const Tensor eye = torch::eye(4);
    CHECK(std::isfinite(train::infonce(eye, eye, 1e-4).item<double>()));
}

TEST_CASE("InfoNCE looks along the images' rows, CLIP both ways") {
    torch::manual_seed(1);
    const Tensor a = torch::randn({6, 3}, torch::kFloat64), b = torch::randn({6, 3}, torch::kFloat64);
    const double forward = train::infonce(a, b, .3).item<double>(), backward = train::infonce(b, a, .3).item<double>();
    CHECK(std::abs(forward - backward) > 1e-3);
    CHECK(train::clip(a, b, a, b, .3).item<double>() == Approx((forward + backward) / 2).epsilon(1e-13));
}

TEST_CASE("gradients of the losses agree with finite differences") {
    torch::manual_seed(2);
    const Tensor b = torch::randn({5, 4}, torch::kFloat64);
    for (const bool both : {false, true}) {
        const auto value = [&](const Tensor& a) { return both ? train::clip(a, b, a, b, .3) : train::infonce(a, b, .3); };
        Tensor a = torch::randn({5, 4}, torch::kFloat64).requires_grad_();
        value(a).backward();
        const double h = 1e-6;
        for (int i = 0; i < 5; ++i) {
            Tensor step = torch::zeros({5, 4}, torch::kFloat64);
            step[i][i % 4] = h;
            const double slope = (value(a.detach() + step).item<double>() - value(a.detach() - step).item<double>()) / (2 * h);
            // Central differences: h² and rounding / h, both near 1e-10.
            CHECK(a.grad()[i][i % 4].item<double>() == Approx(slope).margin(1e-8));
        }
    }
}

TEST_CASE("the parts of a batch's loss add up to it") {
    torch::manual_seed(3);
    const Tensor a = torch::randn({7, 3}, torch::kFloat64), b = torch::randn({7, 3}, torch::kFloat64);
    const Tensor owner = torch::tensor(std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 2, 6}), more = torch::cat({b, torch::randn({2, 3}, torch::kFloat64)});
    double infonce = 0, clip = 0, mse = 0, shared = 0;
    // The last part has no image at all.
    for (const auto& [first, count] : {std::pair<std::int64_t, std::int64_t>{0, 3}, {3, 4}, {7, 0}}) {
        const Tensor x = a.narrow(0, first, count), y = b.narrow(0, first, count);
        infonce += train::infonce(x, b, .3, first).item<double>();
        clip += train::clip(x, y, a, b, .3, first).item<double>();
        mse += train::mse(x, y, 7).item<double>();
        shared += train::infonce_shared(x, more, owner, .3, {first, count, 7}).item<double>();
    }
    CHECK(infonce == Approx(train::infonce(a, b, .3).item<double>()).epsilon(1e-13));
    CHECK(clip == Approx(train::clip(a, b, a, b, .3).item<double>()).epsilon(1e-13));
    CHECK(mse == Approx((a - b).square().mean().item<double>()).epsilon(1e-13));
    CHECK(shared == Approx(train::infonce_shared(a, more, owner, .3, {0, 7, 7}).item<double>()).epsilon(1e-13));
}
