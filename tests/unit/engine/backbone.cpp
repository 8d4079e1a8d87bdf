// SPDX-License-Identifier: BSD-3-Clause
#include "nn/backbone.hpp"

#include <catch2/catch.hpp>
#include <map>

#include "core/error.hpp"
#include "nn/preprocess.hpp"
#include "weights/architecture.hpp"

using namespace cortune;
using torch::Tensor;

TEST_CASE("every architecture runs with its table's shapes and offers its default taps") {
    for (const auto& a : weights::architectures()) {
        nn::Backbone net(a.name);
        net.init(1, torch::kCPU);
        const Tensor x = torch::randn({2, 3, a.image_size, a.image_size});
        const Tensor y = net.forward(x);
        CHECK(y.sizes().vec() == std::vector<std::int64_t>{2, net.outputs()});
        CHECK_NOTHROW(net.check_taps(a.default_taps));
        CHECK_THROWS_AS(net.check_taps({"features.99"}), BadInput);
    }
}

TEST_CASE("AlexNet's taps have the published sizes") {
    nn::Backbone net("alexnet");
    net.init(1, torch::kCPU);
    std::map<std::string, std::int64_t> sizes;
    net.tapped(torch::zeros({1, 3, 224, 224}), weights::architecture("alexnet").default_taps,
               [&](const std::string& name, const Tensor& t) { sizes[name] = t.numel(); });
    const std::map<std::string, std::int64_t> published = {
        {"features.2", 46656}, {"features.5", 32448},  {"features.7", 64896},  {"features.9", 43264},
        {"features.12", 9216}, {"classifier.2", 4096}, {"classifier.5", 4096}, {"classifier.6", 1000}};
    CHECK(sizes == published);
}

TEST_CASE("a tap before an activation keeps its negative values") {
    nn::Backbone net("alexnet-mini");
    net.init(1, torch::kCPU);
    net.tapped(torch::randn({2, 3, 64, 64}), {"features.0", "features.1"}, [&](const std::string& name, const Tensor& t) {
        if (name == "features.0") CHECK(t.min().item<float>() < 0);
        else CHECK(t.min().item<float>() == 0);
    });
}

TEST_CASE("a pass in bfloat16 gives float32 gradients near those of float32") {
    nn::Backbone net("alexnet-mini");
    net.init(1, torch::kCPU);
    for (auto& [name, p] : net.parameters()) p.requires_grad_();
    torch::manual_seed(1);
    const Tensor x = torch::randn({4, 3, 64, 64}), direction = torch::randn({4, 128});
    const auto gradients = [&](const Tensor& input) {
        net.forward(input).to(torch::kFloat32).mul(direction).sum().backward();
        std::vector<Tensor> out;
        for (auto& [name, p] : net.parameters()) {
            out.push_back(p.grad().flatten().clone());
            p.mutable_grad() = Tensor();
        }
        return out;
    };
    const auto full = gradients(x), half = gradients(x.to(torch::kBFloat16));
    const auto distance = [&](std::size_t i) { return ((half[i] - full[i]).norm() / full[i].norm()).item<double>(); };
    CHECK(half[0].scalar_type() == torch::kFloat32);
    // bfloat16 keeps 8 bits (.4 %): the last layer's gradient sees the features' rounding.
    CHECK(distance(full.size() - 2) < .02);
    // Down at the first layer some ReLUs and pooling maxima have switched sides.
    CHECK(torch::cosine_similarity(half[0], full[0], 0).item<double>() > .95);
}

TEST_CASE("normalisation is torchvision's, in channels-last memory") {
    Tensor pixels = torch::zeros({1, 2, 2, 3}, torch::kUInt8);
    pixels[0][1][0][2] = 255;
    const Tensor x = nn::normalise(pixels, torch::kFloat32, torch::kCPU);
    CHECK(x.sizes().vec() == std::vector<std::int64_t>{1, 3, 2, 2});
    CHECK(x.is_contiguous(at::MemoryFormat::ChannelsLast));
    CHECK(x[0][2][1][0].item<double>() == Approx((1 - .406) / .225).epsilon(1e-6));
    CHECK(x[0][0][0][0].item<double>() == Approx(-.485 / .229).epsilon(1e-6));
}
