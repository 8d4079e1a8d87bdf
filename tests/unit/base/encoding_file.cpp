// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "core/random.hpp"
#include "core/system.hpp"
#include "encode/encoding_file.hpp"
#include "encode/evaluation.hpp"
#include "encode/evaluation_file.hpp"
#include "encode/evaluation_mean.hpp"
#include "encode/pairing.hpp"
#include "encode/transfer.hpp"
#include "scratch.hpp"

using namespace cortune;
using namespace cortune::encode;

namespace {

constexpr std::size_t pictures = 30, voxels = 6;

EncodingHeader header(const std::string& method = "untuned") {
    EncodingHeader h;
    h.subject = "subj01";
    h.dataset_uuid = "d";
    h.backbone = "alexnet";
    h.method = method;
    h.protocol = "held-out";
    h.layer = {"features.2", "features.5"};
    h.alpha_grid = {0.1, 1, 10};
    for (std::size_t i = 0; i < pictures; ++i) {
        h.image.push_back(fmt::format("t:{}", i));
        h.image_sha256.push_back(fmt::format("s{}", i));
        h.fold.push_back(-1);
    }
    if (method != "untuned") {
        h.tuned_image = {"t:x"};
        h.tuned_sha256 = {"sx"};
    }
    return h;
}

RoiEncoding roi(std::uint64_t seed, const std::string& name = "FFA/1") {
    RoiEncoding r;
    r.hemisphere = "lh";
    r.roi_class = "floc-faces";
    r.roi = name;
    Rng truth(1), rng(seed);
    for (std::size_t v = 0; v < voxels; ++v) {
        r.column.push_back(static_cast<std::int32_t>(2 * v));
        r.vertex.push_back(static_cast<std::int32_t>(100 + v));
        r.noise_ceiling.push_back(0.5F);
    }
    r.cv_r.assign(2 * voxels, 0.25F);
    r.alpha.assign(2 * voxels, 10);
    r.chosen_layer = 1;
    for (std::size_t i = 0; i < pictures * voxels; ++i) {
        r.response.push_back(static_cast<float>(truth.normal()));
        r.prediction.push_back(r.response.back() + static_cast<float>(rng.normal()));
    }
    return r;
}

void write(const std::filesystem::path& path, const EncodingHeader& h, const RoiEncoding& r) {
    EncodingWriter writer(path, {}, false, h);
    writer.add(r);
    writer.commit();
}

Regions regions() { return Regions(share_dir() / "roi" / "regions.json"); }

std::vector<ModelFiles> models(const std::filesystem::path& a, const std::filesystem::path& b) {
    std::vector<ModelFiles> out(2);
    out[0].label = "a";
    out[0].files.emplace_back(a);
    out[1].label = "b";
    out[1].files.emplace_back(b);
    return out;
}

struct Listener : Reporter {
    std::vector<std::string> warnings;
    void warn(const std::string& text) override { warnings.push_back(text); }
};

}  // namespace

TEST_CASE("an encoding file gives back what was written") {
    Scratch folder;
    write(folder / "e.h5", header("mse"), roi(2));
    const EncodingFile file(folder / "e.h5");
    REQUIRE(file.header().method == "mse");
    REQUIRE(file.header().image.size() == pictures);
    REQUIRE(file.header().fold[3] == -1);
    REQUIRE(file.header().tuned_sha256 == std::vector<std::string>{"sx"});
    REQUIRE(file.roi_paths() == std::vector<std::string>{"results/lh/floc-faces/FFA_1"});
    const auto back = file.read(file.roi_paths()[0]);
    const auto expected = roi(2);
    REQUIRE(back.roi == "FFA/1");
    REQUIRE(back.chosen_layer == 1);
    REQUIRE(back.vertex == expected.vertex);
    REQUIRE(back.prediction == expected.prediction);
    REQUIRE(back.noise_ceiling == expected.noise_ceiling);
}

TEST_CASE("an encoding of the wrong shape is refused, and nothing is left") {
    Scratch folder;
    auto r = roi(2);
    r.prediction.pop_back();
    REQUIRE_THROWS_AS(write(folder / "e.h5", header(), r), BadInput);
    REQUIRE(folder.entries() == 0);
    REQUIRE_THROWS_AS(EncodingFile(folder / "absent.h5"), BadInput);
}

TEST_CASE("scored images that tuned a model are found by id and by pixels") {
    auto h = header("mse");
    REQUIRE(find_leaks(h).tuned == 0);
    h.tuned_image = {"other:1", "t:4"};
    h.tuned_sha256 = {"s9", "s4"};
    REQUIRE(find_leaks(h).tuned == 2);
    // And what the ridge was fitted on, unless folds keep the two apart.
    h.fitted_image = {h.image[0]};
    h.fitted_sha256 = {"another"};
    for (const char* protocol : {"held-out", "predicted"}) {
        h.protocol = protocol;
        REQUIRE(find_leaks(h).fitted == 1);
    }
    h.protocol = "train-cv";
    REQUIRE(find_leaks(h).fitted == 0);
}

TEST_CASE("evaluation refuses what cannot be compared") {
    Scratch folder;
    Listener listener;
    EvaluationOptions options;
    options.resample.permutations = options.resample.bootstraps = 50;
    write(folder / "a.h5", header(), roi(2));
    auto check = [&](const EncodingHeader& h, const RoiEncoding& r) {
        write(folder / "b.h5", h, r);
        const auto files = models(folder / "a.h5", folder / "b.h5");
        std::filesystem::remove(folder / "b.h5");
        return evaluate(files, options, regions(), listener);
    };
    REQUIRE(check(header("mse"), roi(3)).rois.at(0).models.at(1).present);

    auto h = header("mse");
    h.tuned_image[0] = "t:7";
    REQUIRE_THROWS_WITH(check(h, roi(3)), Catch::Contains("1 of the 30 scored images tuned"));
    options.allow_tuned_images = true;
    const auto admitted = check(h, roi(3));
    REQUIRE(admitted.optimistic);
    REQUIRE(admitted.rois[0].models[1].optimistic);
    REQUIRE_FALSE(admitted.rois[0].models[0].optimistic);

    h = header("mse");
    h.protocol = "paper";
    h.optimistic = true;
    REQUIRE_THROWS_WITH(check(h, roi(3)), Catch::Contains("different protocols"));
    h = header("mse");
    h.fold[2] = 1;
    REQUIRE_THROWS_WITH(check(h, roi(3)), Catch::Contains("other folds"));
    h = header("mse");
    h.image_sha256[5] = "else";
    REQUIRE_THROWS_WITH(check(h, roi(3)), Catch::Contains("another picture"));
    auto r = roi(3);
    r.response[8] += 1;
    REQUIRE_THROWS_WITH(check(header("mse"), r), Catch::Contains("other responses"));
    r = roi(3);
    r.vertex[2] = 7;
    REQUIRE_THROWS_WITH(check(header("mse"), r), Catch::Contains("vertex"));
    h = header("mse");
    h.image[3] = "t:new";
    REQUIRE_THROWS_WITH(check(h, roi(3)), Catch::Contains("1 of 30 are missing, 1 are new"));
    options.common_images = true;
    REQUIRE(check(h, roi(3)).rois[0].models[1].images == 29);
}

TEST_CASE("voxels without r and ROIs without a partner are left out and named") {
    Scratch folder;
    Listener listener;
    auto r = roi(2);
    for (std::size_t i = 0; i < pictures; ++i)
        r.prediction[i * voxels + 2] = std::numeric_limits<float>::quiet_NaN();
    write(folder / "a.h5", header(), r);
    EncodingWriter writer(folder / "b.h5", {}, false, header("mse"));
    writer.add(roi(3));
    writer.add(roi(3, "OFA"));
    writer.commit();
    EvaluationOptions options;
    options.resample.permutations = options.resample.bootstraps = 50;
    const auto e = evaluate(models(folder / "a.h5", folder / "b.h5"), options, regions(), listener);
    REQUIRE(e.rois.size() == 1);
    REQUIRE(e.rois[0].voxels == 5);
    REQUIRE(listener.warnings.size() == 2);
    write_evaluation(folder / "out.h5", {}, false, e);
    const h5::Input out(folder / "out.h5", {"evaluation"});
    REQUIRE(out.root().dataset("results/subj01/lh/floc-faces/FFA_1/r").shape() == h5::Shape{2, voxels});
    REQUIRE(evaluation_json(e)["rows"].size() == 2);
    const auto tsv = evaluation_tsv(e);
    REQUIRE(std::count(tsv.begin(), tsv.end(), '\n') == 3);
}

namespace {

// Two models in two regions, the second a copy of the first under another name.
Evaluation twice(const Scratch& folder, std::uint64_t seed, const std::string& subject = "subj01") {
    Listener listener;
    for (const auto& [name, method, draw] : {std::tuple{"a.h5", "untuned", std::uint64_t{2}}, std::tuple{"b.h5", "mse", seed}}) {
        auto h = header(method);
        h.subject = subject;
        EncodingWriter writer(folder / name, {}, true, h);
        for (const char* region : {"FFA-1", "OFA"}) writer.add(roi(draw, region));
        writer.commit();
    }
    EvaluationOptions options;
    options.resample.permutations = options.resample.bootstraps = 99;
    return evaluate(models(folder / "a.h5", folder / "b.h5"), options, regions(), listener);
}

}  // namespace

TEST_CASE("a set of equal regions says what one of them says") {
    Scratch folder;
    const Evaluation e = twice(folder, 3);
    REQUIRE(e.sets.size() == 2);  // all and higher; nothing is early
    for (const auto& s : e.sets) {
        const auto& one = e.rois[0].models[1];
        REQUIRE(s.rois == 2);
        REQUIRE(s.set != "early");
        REQUIRE(s.mean_r == Approx(one.mean_r));
        REQUIRE(s.reference_r == Approx(e.rois[0].models[0].mean_r));
        REQUIRE(s.test.gain == Approx(one.test.difference));
        // The same images are drawn in both: the interval is no narrower.
        REQUIRE(s.test.low == Approx(one.test.low));
        REQUIRE(s.test.high == Approx(one.test.high));
        REQUIRE(s.test.p == Approx(one.test.p));
        REQUIRE(s.test.share_improved == Approx(one.test.share_improved));
    }
    write_evaluation(folder / "e.h5", {}, false, e);
    const Evaluation back = read_evaluation(h5::Input(folder / "e.h5", {"evaluation"}));
    REQUIRE(evaluation_tsv(back).size() > 100);
    REQUIRE(back.sets.size() == 2);
    REQUIRE(back.sets[1].test.p == e.sets[1].test.p);
    REQUIRE(back.rois[1].models[1].test.effect_high == e.rois[1].models[1].test.effect_high);
    REQUIRE(back.rois[1].models[0].layer_r == e.rois[1].models[0].layer_r);
    REQUIRE(back.rois[1].models[0].above_ceiling == e.rois[1].models[0].above_ceiling);
}

TEST_CASE("evaluations are averaged over seeds and over subjects") {
    Scratch folder;
    const Evaluation a = twice(folder, 3), b = twice(folder, 4), other = twice(folder, 5, "subj02");
    const Evaluation mean = mean_over_seeds({a, b});
    const auto &x = a.rois[1].models[1], &y = b.rois[1].models[1], &m = mean.rois[1].models[1];
    REQUIRE(m.mean_r == Approx((x.mean_r + y.mean_r) / 2));
    REQUIRE(m.test.low == Approx((x.test.low + y.test.low) / 2));
    REQUIRE(m.test.p == Approx(std::min(1.0, x.test.p + y.test.p)));
    REQUIRE(m.layer_r[0] == Approx((x.layer_r[0] + y.layer_r[0]) / 2));
    REQUIRE(mean.sets[0].test.gain == Approx((a.sets[0].test.gain + b.sets[0].test.gain) / 2));
    auto renamed = b;
    renamed.label[1] = "c";
    REQUIRE_THROWS_WITH(mean_over_seeds({a, renamed}), Catch::Contains("other models"));
    // A region that one seed lacks is left out; a seed that is optimistic makes all of it so.
    auto less = b;
    less.rois.pop_back();
    less.rois[0].models[1].optimistic = less.optimistic = true;
    REQUIRE(mean_over_seeds({a, less}).rois.size() == 1);
    REQUIRE(mean_over_seeds({a, less}).optimistic);
    REQUIRE(mean_over_seeds({a, less}).rois[0].models[1].optimistic);

    Evaluation both = a;
    both.rois.insert(both.rois.end(), other.rois.begin(), other.rois.end());
    both.sets.insert(both.sets.end(), other.sets.begin(), other.sets.end());
    const Evaluation over = mean_over_subjects(both, 0);
    REQUIRE(over.rois.size() == 2);
    const auto& z = other.rois[0].models[1];
    const auto& o = over.rois[0].models[1];
    REQUIRE(over.rois[0].subject.empty());
    const auto& w = a.rois[0].models[1];
    const auto group = stats::group_test({w.test.difference, z.test.difference}, {stats::standard_error(w.test.low, w.test.high), stats::standard_error(z.test.low, z.test.high)});
    REQUIRE(o.test.difference == Approx(group.estimate));
    REQUIRE(o.test.low == Approx(group.low));
    REQUIRE(o.test.share_improved == Approx((w.test.share_improved + z.test.share_improved) / 2));
    // Two subjects: p is 1/2 where they agree, else 1.
    const bool agree = (a.rois[0].models[1].test.difference > 0) == (z.test.difference > 0);
    REQUIRE(o.test.p == Approx(agree ? 0.5 : 1.0));
    REQUIRE(o.test.low < o.test.high);
}

TEST_CASE("own and others' networks are compared in regions that both were tried on, on the same draws") {
    const auto cell = [](const char* source, bool within, const char* region, double gain) {
        TransferCell c;
        c.source = source, c.target = "subj01", c.hemisphere = "lh", c.roi_class = "prf-visualrois", c.roi = region, c.group = "early", c.within = within;
        c.difference = gain;
        c.gain = {gain, 0.5, {0.1, -0.1, 0.2}, {gain - 0.1, gain, gain + 0.3}, {0.1, 0.2, 0.3}};
        return c;
    };
    // V2v has no network of another subject, V1v two, whose mean is what the own one is.
    const auto targets = over_sources({cell("subj01", true, "V1v", 0.2), cell("subj01", true, "V2v", 0.9), cell("subj02", false, "V1v", 0.1), cell("subj03", false, "V1v", 0.3)});
    REQUIRE(targets.size() == 2);  // all and early
    for (const auto& t : targets) {
        REQUIRE(t.rois == 1);
        REQUIRE(t.own.gain == Approx(0.2));
        REQUIRE(t.others.gain == Approx(0.2));
        REQUIRE(t.difference.gain == Approx(0).margin(1e-12));
        // Every draw moves both alike: nothing is uncertain about their difference.
        REQUIRE(t.difference.low == Approx(0).margin(1e-12));
        REQUIRE(t.difference.high == Approx(0).margin(1e-12));
        REQUIRE(std::isnan(t.difference.p));
    }
    const auto alone = over_sources({cell("subj01", true, "V1v", 0.2), cell("subj01", true, "V2v", 0.9)});
    REQUIRE(alone.at(0).rois == 2);
    REQUIRE(alone.at(0).own.gain == Approx(0.55));
    REQUIRE(std::isnan(alone.at(0).others.gain));
    const auto seeds = mean_over_seeds(std::vector{targets, alone});
    REQUIRE(seeds.at(0).own.gain == Approx(0.375));
    REQUIRE(std::isnan(seeds.at(0).difference.gain));
}
