// SPDX-License-Identifier: BSD-3-Clause
// Weight files without torch; the formats proper are compared with PyTorch's own
// writer in tests/parity/test_weights.py.
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>

#include "core/error.hpp"
#include "core/hash.hpp"
#include "h5/schema.hpp"
#include "scratch.hpp"
#include "weights/architecture.hpp"
#include "weights/model_file.hpp"
#include "weights/number_format.hpp"
#include "weights/safetensors.hpp"
#include "weights/tuning_note.hpp"

using namespace cortune;
using namespace cortune::weights;
using Catch::Contains;

namespace {

StateDict some_state(const Architecture& a) {
    StateDict out;
    float x = 0;
    for (const auto& p : a.parameters) {
        Tensor t{p.name, p.shape, {}};
        t.data.resize(static_cast<std::size_t>(element_count(p.shape, p.name)));
        for (auto& v : t.data) v = (x += .125F);
        out.push_back(std::move(t));
    }
    return out;
}

Model a_model() {
    Model m;
    m.backbone = "alexnet-mini";
    m.image_size = 64;
    m.parameters = some_state(architecture(m.backbone));
    return m;
}

Model a_tuned_model() {
    Model m = a_model();
    m.method = "infonce";
    m.subjects = {"subj01"};
    m.dataset_uuids = {"u"};
    m.hemisphere = "lh", m.roi_class = "prf-visualrois", m.roi = "V1v+V1d";
    m.seed = 5;
    m.options = R"({"epochs":2})";
    m.column = {3, 9}, m.vertex = {30, 90};
    m.tuned_image = {"nsd:1", "nsd:2"}, m.tuned_sha256 = {"aa", "bb"};
    m.heads = {{"image.weight", {2, 3}, {1, 2, 3, 4, 5, 6}}, {"head.temperature", {}, {.3F}}};
    m.history = {{2, 1}, {NAN, .5}, {1e-4, 1e-4}};
    return m;
}

void check_same(const Model& a, const Model& b) {
    CHECK(a.backbone == b.backbone);
    CHECK(a.image_size == b.image_size);
    CHECK(a.method == b.method);
    CHECK(a.subjects == b.subjects);
    CHECK(a.dataset_uuids == b.dataset_uuids);
    CHECK((a.hemisphere == b.hemisphere && a.roi_class == b.roi_class && a.roi == b.roi));
    CHECK((a.seed == b.seed && a.options == b.options && a.column == b.column && a.vertex == b.vertex));
    CHECK((a.tuned_image == b.tuned_image && a.tuned_sha256 == b.tuned_sha256));
    CHECK((a.history.loss == b.history.loss && a.history.learning_rate == b.history.learning_rate));
    CHECK(a.history.validation_loss.size() == b.history.validation_loss.size());
    for (auto [x, y] : {std::pair(&a.parameters, &b.parameters), std::pair(&a.heads, &b.heads)}) {
        REQUIRE(x->size() == y->size());
        for (std::size_t i = 0; i < x->size(); ++i) {
            CHECK((*x)[i].name == (*y)[i].name);
            CHECK((*x)[i].shape == (*y)[i].shape);
            CHECK((*x)[i].data == (*y)[i].data);
        }
    }
}

}  // namespace

TEST_CASE("half precision, all corners") {
    CHECK(half_to_float(0x0000) == 0.F);
    CHECK(std::signbit(half_to_float(0x8000)));
    CHECK(half_to_float(0x3C00) == 1.F);
    CHECK(half_to_float(0xC000) == -2.F);
    CHECK(half_to_float(0x7BFF) == 65504.F);
    CHECK(half_to_float(0x0001) == std::ldexp(1.F, -24));
    CHECK(half_to_float(0x83FF) == -std::ldexp(1023.F, -24));
    CHECK(half_to_float(0x0400) == std::ldexp(1.F, -14));
    CHECK(std::isinf(half_to_float(0x7C00)));
    CHECK(std::isnan(half_to_float(0x7E01)));
}

TEST_CASE("model files round trip and keep to their schema") {
    Scratch scratch;
    for (const Model& m : {a_model(), a_tuned_model()}) {
        write_model(scratch / "m.h5", {}, true, m);
        const h5::Input file(scratch / "m.h5", {"model"});
        check_same(m, read_model(file));
        const auto found = h5::check(file, h5::load_schema("model"));
        CHECK(found.violations == std::vector<std::string>{});
        CHECK(found.notes == std::vector<std::string>{});
    }
}

TEST_CASE("safetensors carry the tuning along") {
    Scratch scratch;
    const Model m = a_tuned_model();
    write_safetensors(scratch / "m.st", m.parameters, tuning_note(m), false);
    CHECK(scratch.entries() == 1);
    CHECK(is_safetensors(scratch / "m.st"));
    CHECK_THROWS_AS(write_safetensors(scratch / "m.st", m.parameters, {}, false), OutputError);
    h5::Record record;
    Model back = load_weights(scratch / "m.st", record);
    CHECK(record.inputs.size() == 1);
    CHECK(record.inputs.begin().value() == sha256_file(scratch / "m.st"));
    CHECK(std::isnan(back.history.validation_loss[0]));
    back.heads = m.heads;  // they stayed out
    check_same(m, back);
}

TEST_CASE("a model file becomes a parent") {
    Scratch scratch;
    write_model(scratch / "m.h5", {}, false, a_model());
    h5::Record record;
    load_weights(scratch / "m.h5", record);
    CHECK(record.parents.size() == 1);
    CHECK(record.inputs.empty());
    CHECK_THROWS_WITH(load_weights(scratch / "m.h5", record, "alexnet"),
                      Contains("features.0.weight: expected (64, 3, 11, 11), found (32, 3, 5, 5)"));
}

TEST_CASE("architectures are told apart by their tensors") {
    for (const auto& a : architectures()) {
        if (a.name == "alexnet") continue;  // 244 MB; the parity test has it
        CHECK(identify(some_state(a), "here").name == a.name);
        StateDict less = some_state(a);
        less.pop_back();
        CHECK_THROWS_WITH(identify(less, "here"), Contains("here: not the weights of " + a.name));
    }
    CHECK_THROWS_WITH(architecture("alexnet_mini"), Contains("known: alexnet-mini"));
    CHECK_THROWS_AS(element_count({1LL << 40, 1LL << 40}, "x"), BadInput);
    CHECK_THROWS_AS(element_count({-1}, "x"), BadInput);
    CHECK(element_count({0, 5}, "x") == 0);
    CHECK(element_count({}, "x") == 1);
}
