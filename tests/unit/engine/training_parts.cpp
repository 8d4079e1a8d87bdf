// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <torch/optim/adam.h>

#include <set>

#include "core/error.hpp"
#include "train/adam.hpp"
#include "train/batches.hpp"
#include "train/dropout.hpp"
#include "train/heads.hpp"
#include "train/loss.hpp"

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

TEST_CASE("a mask made by tensor operations, as on a GPU, is that of the loop") {
    std::vector<std::string> ids;
    for (int i = 0; i < 40; ++i) ids.push_back(fmt::format("a:{}", i));
    const auto keys = train::image_keys(ids);
    for (const double p : {.1, .5, .9}) {
        for (const std::int64_t units : {1, 2, 501, 4096})
            CHECK(torch::equal(train::mask_by_loop(~0x123456789abcdefULL, p, units, keys), train::mask_by_tensors(~0x123456789abcdefULL, p, units, keys, torch::kCPU)));
    }
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
    train::TuningOptions options;
    const auto sizes = [&](std::initializer_list<std::int64_t> voxels) {
        std::vector<train::Branch> branches;
        for (const auto v : voxels) branches.push_back({fmt::format("s{}", branches.size()), v});
        return train::head_sizes(1000, branches, options);
    };
    // .8 · 35 = 28.000000000000004 and .2 · 35 = 7.000000000000001 in double.
    CHECK(sizes({35}).embedding == 28);
    CHECK(sizes({33}).embedding == 26);
    CHECK(sizes({33}).projection == 6);
    CHECK(sizes({3}).projection == 1);
    options.pool = "avg";
    CHECK(sizes({30, 35, 36}).embedding == 33);
    CHECK(sizes({30, 35, 36}).projection == 8);
    options.pool = "const";
    CHECK(sizes({30, 35}).embedding == 5741);
    CHECK(sizes({30, 35}).projection == 1435);
    options.pool = "12";
    CHECK(sizes({30, 35}).embedding == 12);
    for (const char* none : {"mean", "0", "12x", "-3"}) {
        options.pool = none;
        CHECK_THROWS_AS(sizes({30, 35}), UsageError);
    }
    options.pool.clear();
    options.embedding = 50;
    CHECK(sizes({33}).embedding == 50);
}

TEST_CASE("pooled batches are of one subject, whoever else is there") {
    const auto of = [](const std::vector<std::string>& names, const std::vector<std::int64_t>& images, bool interleaved) {
        return train::pooled_batches(names, images, 10, 3, 2, interleaved);
    };
    const auto alone = train::epoch_batches(33, 10, 3, 2);
    const auto one = of({"a"}, {33}, false);
    REQUIRE(one.size() == alone.size());
    for (std::size_t i = 0; i < one.size(); ++i) CHECK(one[i].images == alone[i]);
    const auto turns = of({"a", "b", "c"}, {33, 21, 12}, false), without = of({"a", "c"}, {33, 12}, false), mixed = of({"a", "b", "c"}, {33, 21, 12}, true);
    std::vector<std::size_t> order;
    for (const auto& b : turns) order.push_back(b.subject);
    CHECK(order == std::vector<std::size_t>{0, 0, 0, 0, 1, 1, 2, 2});
    for (std::size_t i = 0; i < 4; ++i) CHECK(turns[i].images == without[i].images);
    for (std::size_t i = 6; i < 8; ++i) CHECK(turns[i].images == without[i - 2].images);  // 21 images are two batches, a single image joins
    // Interleaved: the same batches, in another order.
    std::multiset<std::pair<std::size_t, std::vector<std::int64_t>>> a, b;
    for (const auto& x : turns) a.emplace(x.subject, x.images);
    for (const auto& x : mixed) b.emplace(x.subject, x.images);
    CHECK(a == b);
    CHECK_FALSE(std::equal(turns.begin(), turns.end(), mixed.begin(), [](const auto& x, const auto& y) { return x.subject == y.subject && x.images == y.images; }));
}

TEST_CASE("several responses to an image are its positives") {
    torch::manual_seed(2);
    const Tensor a = torch::randn({6, 4}, torch::kFloat64), b = torch::randn({9, 4}, torch::kFloat64);
    CHECK(torch::allclose(train::infonce_shared(a, b.narrow(0, 0, 6), torch::arange(6, torch::kInt64), .3, {0, 6, 6}), train::infonce(a, b.narrow(0, 0, 6), .3), 1e-12));
    const std::vector<std::int64_t> owner{0, 1, 2, 3, 4, 5, 2, 2, 5};
    const Tensor nll = -torch::log_softmax(torch::cosine_similarity(a.unsqueeze(1), b.unsqueeze(0), 2) / .3, 1);
    double wanted = 0;
    for (std::int64_t i = 0; i < 6; ++i) {
        double sum = 0, n = 0;
        for (std::size_t j = 0; j < owner.size(); ++j)
            if (owner[j] == i) sum += nll.index({i, static_cast<std::int64_t>(j)}).item<double>(), ++n;
        wanted += sum / n / 6;
    }
    CHECK(train::infonce_shared(a, b, torch::tensor(owner), .3, {0, a.size(0), a.size(0)}).item<double>() == Approx(wanted).epsilon(1e-12));
}

TEST_CASE("the shared head keeps batch statistics apart and mixes the running ones") {
    const train::World world;
    const train::Rows rows{0, 20, 20};
    train::Heads heads(true, {10, 8, 4}, {{"", 12}}, 1, torch::kFloat64, torch::kCPU, world);
    torch::manual_seed(4);
    const Tensor logits = torch::randn({20, 10}, torch::kFloat64), responses = torch::randn({20, 12}, torch::kFloat64);
    const Tensor image = heads.embed_images(logits, true, rows), response = heads.embed_responses(0, responses, true, rows);
    CHECK(image.sizes().vec() == std::vector<std::int64_t>{20, 4});
    // In training mode one branch does not see the other: other responses, same image rows.
    train::Heads again(true, {10, 8, 4}, {{"", 12}}, 1, torch::kFloat64, torch::kCPU, world);
    const Tensor same_image = again.embed_images(logits, true, rows), other = again.embed_responses(0, 3 * responses + 1, true, rows);
    CHECK(torch::equal(image, same_image));
    // The running mean is 0.9·(0.9·0 + 0.1·m_image) + 0.1·m_response: both left a trace.
    CHECK_FALSE(torch::equal(heads.buffers()[0].second, again.buffers()[0].second));
}
