// SPDX-License-Identifier: BSD-3-Clause
// Weight files without torch; the formats proper are compared with PyTorch's own
// writer in tests/parity/test_weights.py.
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <functional>

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

h5::Record record_of(const std::string& tool) {
    h5::Record out;
    out.tool = tool;
    return out;
}

// A copy of `m` as a file, changed behind the writer's back.
std::string refusal(const Model& m, const std::function<void(h5::Node&)>& spoil) {
    Scratch scratch;
    write_model(scratch / "m.h5", {}, false, m);
    {
        h5::Handle file(H5Fopen((scratch / "m.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
        h5::Node root(h5::Handle(H5Gopen2(file.get(), "/", H5P_DEFAULT)), "test:/");
        spoil(root);
    }
    try {
        read_model(h5::Input(scratch / "m.h5", {"model"}));
    } catch (const BadInput& e) {
        return std::string(e.what()).starts_with((scratch / "m.h5").string()) ? e.what() : "no file is named";
    }
    return "accepted";
}

// The same for the note in a safetensors file.
std::string note_refusal(const std::function<void(nlohmann::json&)>& spoil) {
    Model m = a_tuned_model();
    m.uuid = "u1";
    m.provenance = {{"root", "u1"}, {"nodes", {{"u1", {{"tool", "cl-finetune"}}}}}};
    auto metadata = tuning_note(m);
    auto note = nlohmann::json::parse(metadata["cortune.model"]);
    spoil(note);
    metadata["cortune.model"] = note.dump();
    Model back = a_model();
    try {
        read_tuning_note(metadata, "m.st", back);
    } catch (const BadInput& e) {
        return std::string(e.what()).starts_with("m.st:") ? e.what() : "no file is named";
    }
    return "accepted";
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

TEST_CASE("a tuned model without the images that tuned it is refused") {
    const Model tuned = a_tuned_model();
    // Replaces /<name> by `n` strings on an axis of their own.
    const auto strings = [](h5::Node& root, const std::string& name, std::size_t n) {
        const std::vector<std::string> values(n, "x");
        H5Ldelete(root.id(), name.c_str(), H5P_DEFAULT);
        root.scale("other", values, {"another axis"});
        root.put_strings(name, {"other"}, values, {"another"});
    };
    CHECK(refusal(tuned, [](h5::Node&) {}) == "accepted");
    CHECK_THAT(refusal(tuned, [&](h5::Node& r) { strings(r, "tuned/sha256", 1); }),
               Contains(":/tuned/sha256: expected 2 entries, as in tuned/image, found 1"));
    CHECK_THAT(refusal(tuned, [&](h5::Node& r) { strings(r, "tuned/image", 3); }), Contains("found 2"));
    CHECK_THAT(refusal(tuned, [](h5::Node& r) { H5Ldelete(r.id(), "tuned", H5P_DEFAULT); }), Contains("/tuned"));
    CHECK_THAT(refusal(tuned, [](h5::Node& r) { r.attr("method", "untuned"); }),
               Contains(":/tuned: expected no such group"));
    CHECK_THAT(refusal(tuned, [](h5::Node& r) { r.attr("method", "magic"); }),
               Contains("method: expected infonce") && Contains("'magic'"));
    CHECK_THAT(refusal(tuned, [](h5::Node& r) {
                   H5Ldelete(r.id(), "column", H5P_DEFAULT);
                   r.index_scale("column", 3, {"another"});
               }),
               Contains(":/column: expected 2 entries"));
    CHECK_THAT(refusal(tuned, [](h5::Node& r) {
                   H5Ldelete(r.id(), "history/loss", H5P_DEFAULT);
                   r.group("history").index_scale("loss", 3, {"another"});
               }),
               Contains("/history/validation_loss: expected 3 entries"));
    Model empty = tuned;
    empty.tuned_image.clear(), empty.tuned_sha256.clear();
    CHECK_THAT(refusal(empty, [](h5::Node&) {}), Contains(":/tuned/image: expected the images"));
    empty = tuned;
    empty.column.clear(), empty.vertex.clear();
    CHECK_THAT(refusal(empty, [](h5::Node&) {}), Contains(":/vertex: expected the responses"));
}

TEST_CASE("a model that its architecture cannot be is refused") {
    const Model m = a_model();
    CHECK(refusal(m, [](h5::Node&) {}) == "accepted");
    for (int size : {0, -1, 28, 65536})
        CHECK_THAT(refusal(m, [&](h5::Node& r) { r.attr("image_size", size); }),
                   Contains("'image_size': expected 29 to 65535"));
    CHECK_THAT(refusal(m, [](h5::Node& r) { r.attr("backbone", "alexnet_mini"); }),
               Contains("'backbone'") && Contains("known: alexnet-mini"));
    CHECK_THAT(refusal(m, [](h5::Node& r) { H5Ldelete(r.id(), "backbone/features.6.bias", H5P_DEFAULT); }),
               Contains(":/backbone") && Contains("features.6.bias"));
    CHECK_THAT(refusal(m, [](h5::Node& r) { r.group("backbone").put("extra", {}, std::vector<float>{1}, {"extra"}); }),
               Contains("extra: alexnet-mini has no such tensor"));
}

TEST_CASE("notes that would hide a tuning are refused") {
    using nlohmann::json;
    CHECK(note_refusal([](json&) {}) == "accepted");
    CHECK(note_refusal([](json& n) { n.erase("uuid"), n.erase("provenance"); }) == "accepted");  // foreign
    CHECK_THAT(note_refusal([](json& n) { n["tuned_image"] = json::array(), n["tuned_sha256"] = json::array(); }),
               Contains("m.st:cortune.model/tuned_image: expected the images"));
    CHECK_THAT(note_refusal([](json& n) { n["tuned_sha256"] = json::array({"aa"}); }),
               Contains("/tuned_sha256: expected 2 entries"));
    CHECK_THAT(note_refusal([](json& n) { n["column"] = {1, 2, 3}; }), Contains("/column: expected 2 entries"));
    CHECK_THAT(note_refusal([](json& n) { n["loss"] = json::array({1.}); }), Contains("/loss"));
    for (const char* method : {"untuned", "magic", ""})
        CHECK_THAT(note_refusal([&](json& n) { n["method"] = method; }),
                   Contains("/method: expected infonce, clip or mse"));
    CHECK_THAT(note_refusal([](json& n) { n["image_size"] = 0; }), Contains("/image_size: expected 29"));
    CHECK_THAT(note_refusal([](json& n) { n["backbone"] = "alexnet"; }), Contains("/backbone: expected alexnet-mini"));
    CHECK_THAT(note_refusal([](json& n) { n.erase("seed"); }), Contains("malformed"));
    // Provenance: another root, a root without a node, nodes of other types, half of it.
    CHECK_THAT(note_refusal([](json& n) { n["provenance"]["root"] = "u2"; }), Contains("/provenance"));
    CHECK_THAT(note_refusal([](json& n) { n["uuid"] = n["provenance"]["root"] = "u2"; }), Contains("/provenance"));
    CHECK_THAT(note_refusal([](json& n) { n["provenance"]["nodes"]["u1"]["argv"] = "x"; }), Contains("/provenance"));
    CHECK_THAT(note_refusal([](json& n) { n["provenance"] = "x"; }), Contains("/provenance"));
    CHECK_THAT(note_refusal([](json& n) { n.erase("uuid"); }), Contains("malformed"));
}

TEST_CASE("heads without a note are those of a tuning that was forgotten") {
    Scratch scratch;
    StateDict state = a_model().parameters;
    state.push_back({"heads.image.weight", {2}, {1, 2}});
    write_safetensors(scratch / "m.st", state, {{"format", "pt"}}, false);
    h5::Record record;
    CHECK_THROWS_AS(load_weights(scratch / "m.st", record), BadInput);
    CHECK_THROWS_WITH(load_weights(scratch / "m.st", record), Contains("m.st") && Contains("cortune.model"));
}

TEST_CASE("the tree of commands goes through safetensors") {
    Scratch scratch;
    const Model m = a_tuned_model();
    h5::Record tuning = record_of("cl-finetune");
    tuning.add_parent("data", {{"root", "data"}, {"nodes", {{"data", record_of("nsd-extract").node()}}}});
    write_model(scratch / "m.h5", tuning, false, m);
    const std::string uuid = h5::Input(scratch / "m.h5").uuid();
    std::filesystem::path from = scratch / "m.h5";
    // Twice: what came through a note is written into the next one.
    for (const char* to : {"a.st", "b.st"}) {
        h5::Record record = record_of("model-convert");
        const Model back = load_weights(from, record);
        CHECK(record.parents == std::vector<std::string>{uuid});
        CHECK(record.ancestry.size() == 2);
        CHECK(record.ancestry.at(uuid).at("tool") == "cl-finetune");
        CHECK(record.ancestry.at("data").at("tool") == "nsd-extract");
        CHECK(record.inputs.size() == (from.extension() == ".st" ? 1u : 0u));
        from = scratch / to;
        write_safetensors(from, back.parameters, tuning_note(back), false);
    }
    CHECK(sha256_file(scratch / "a.st") == sha256_file(scratch / "b.st"));
    const auto untuned = tuning_note(a_model());
    CHECK(untuned.size() == 2);
    CHECK(untuned.at("format") == "pt");
    CHECK(nlohmann::json::parse(untuned.at("cortune.model")) == nlohmann::json{{"backbone", a_model().backbone}, {"image_size", a_model().image_size}});
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

TEST_CASE("the least pictures that an architecture can take") {
    // Compared with PyTorch's layers in tests/parity/test_weights.py.
    CHECK(architecture("alexnet").least_image_size == 63);
    CHECK(architecture("alexnet-mini").least_image_size == 29);
    CHECK(architecture("squeezenet1_1").least_image_size == 17);
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
