// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>
#include <set>

#include "train/adam.hpp"
#include "train/batches.hpp"
#include "train/dropout.hpp"
#include "train/heads.hpp"

using namespace cortune;
using torch::Tensor;

TEST_CASE("batches cover every image once and never leave one alone") {
    for (std::int64_t n : {2, 10, 11, 20, 21, 1000}) {
        std::set<std::int64_t> seen;
        std::size_t total = 0;
        for (const auto& batch : train::epoch_batches(n, 10, 3, 1)) {
            CHECK(batch.size() >= 2);
            CHECK(std::is_sorted(batch.begin(), batch.end()));
            seen.insert(batch.begin(), batch.end());
            total += batch.size();
        }
        CHECK(total == static_cast<std::size_t>(n));
        CHECK(seen.size() == total);
    }
    CHECK(train::epoch_batches(21, 10, 3, 1).size() == 2);
    CHECK(train::epoch_batches(100, 10, 3, 1) != train::epoch_batches(100, 10, 3, 2));
    CHECK(train::epoch_batches(100, 10, 3, 1) == train::epoch_batches(100, 10, 3, 1));
}

TEST_CASE("dropout masks follow the image, not the batch") {
    const auto keys = train::image_keys({"a:1", "a:2", "a:3"});
    const Tensor x = torch::ones({3, 501});
    const Tensor all = train::dropout(x, .5, 1, 4, 0, keys);
    const Tensor one = train::dropout(x.narrow(0, 2, 1), .5, 1, 4, 0, {keys[2]});
    CHECK(torch::equal(all[2], one[0]));
    CHECK_FALSE(torch::equal(all[0], all[1]));
    CHECK_FALSE(torch::equal(all, train::dropout(x, .5, 1, 5, 0, keys)));
    CHECK_FALSE(torch::equal(all, train::dropout(x, .5, 1, 4, 1, keys)));
    CHECK_FALSE(torch::equal(all, train::dropout(x, .5, 2, 4, 0, keys)));
}

TEST_CASE("dropout keeps the wanted share and the mean") {
    const auto keys = train::image_keys({"a:1", "a:2"});
    for (double p : {.1, .5, .8}) {
        const Tensor y = train::dropout(torch::ones({2, 100000}), p, 9, 0, 0, keys);
        const double dropped = y.eq(0).to(torch::kFloat64).mean().item<double>();
        // 200,000 draws: the standard error is below .0012; four of them.
        CHECK(std::abs(dropped - p) < .0045);
        CHECK(y.max().item<double>() == Approx(1 / (1 - p)));
    }
    const Tensor x = torch::ones({2, 3});
    CHECK(torch::equal(train::dropout(x, 0, 9, 0, 0, keys), x));
}

TEST_CASE("Adam equals LibTorch's, and leaves alone what has no gradient") {
    torch::manual_seed(3);
    for (const auto dtype : {torch::kFloat64, torch::kFloat32}) {
        for (double decay : {0., 1e-2}) {
            const Tensor start = torch::randn({4, 3, 5, 5}, dtype).contiguous(at::MemoryFormat::ChannelsLast);
            Tensor mine = start.clone().requires_grad_(), theirs = start.clone().requires_grad_();
            Tensor idle = torch::ones({3}, dtype).requires_grad_();
            train::Adam adam({{"p", mine}, {"idle", idle}}, decay);
            torch::optim::Adam reference({theirs}, torch::optim::AdamOptions(1e-2).weight_decay(decay));
            for (int step = 0; step < 10; ++step) {
                const Tensor target = torch::randn({4, 3, 5, 5}, dtype);
                (mine - target).pow(2).sum().backward();
                reference.zero_grad();
                (theirs - target).pow(2).sum().backward();
                adam.step(1e-2);
                reference.step();
                CHECK_FALSE(mine.grad().defined());
            }
            // Ten steps of 1e-2: the order of rounding differs, nothing else.
            CHECK((mine - theirs).abs().max().item<double>() < (dtype == torch::kFloat64 ? 1e-13 : 1e-5));
            CHECK(torch::equal(idle, torch::ones({3}, dtype)));
            CHECK(adam.steps() == std::vector<std::int64_t>{10, 0});
        }
    }
}

TEST_CASE("head sizes cut as int() in Python does") {
    // .8 · 35 = 28.000000000000004 and .2 · 35 = 7.000000000000001 in double.
    CHECK(train::head_sizes(1000, 35, -1, -1).embedding == 28);
    CHECK(train::head_sizes(1000, 33, -1, -1).embedding == 26);
    CHECK(train::head_sizes(1000, 33, -1, -1).projection == 6);
    CHECK(train::head_sizes(1000, 3, -1, -1).projection == 1);
    CHECK(train::head_sizes(1000, 33, 50, 5).embedding == 50);
}

TEST_CASE("the shared head keeps batch statistics apart and mixes the running ones") {
    train::Heads heads(true, {10, 12, 8, 4}, 1, torch::kFloat64, torch::kCPU);
    torch::manual_seed(4);
    const Tensor logits = torch::randn({20, 10}, torch::kFloat64), responses = torch::randn({20, 12}, torch::kFloat64);
    const auto [image, response] = heads.embed(logits, responses, true);
    CHECK(image.sizes().vec() == std::vector<std::int64_t>{20, 4});
    // In training mode one branch does not see the other: other responses, same image rows.
    train::Heads again(true, {10, 12, 8, 4}, 1, torch::kFloat64, torch::kCPU);
    const auto [same_image, other] = again.embed(logits, 3 * responses + 1, true);
    CHECK(torch::equal(image, same_image));
    // The running mean is 0.9·(0.9·0 + 0.1·m_image) + 0.1·m_response: both left a trace.
    CHECK_FALSE(torch::equal(heads.buffers()[0].second, again.buffers()[0].second));
}
