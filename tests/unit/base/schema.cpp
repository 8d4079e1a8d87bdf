// SPDX-License-Identifier: BSD-3-Clause
// The schema language against small files of its own, and every shipped schema against
// a file that keeps to it.
#include "h5/schema.hpp"

#include <catch2/catch.hpp>

#include "core/error.hpp"
#include "h5/describe.hpp"
#include "scratch.hpp"

using namespace cortune;
using Catch::Contains;
using Strings = std::vector<std::string>;
using Json = nlohmann::ordered_json;

namespace {

template <class Fill>
h5::Findings findings(const Json& schema, Fill fill) {
    Scratch scratch;
    {
        h5::Output out(scratch / "a.h5", "test", {}, false);
        fill(out.root());
        out.commit();
    }
    Json with_common = schema;
    with_common["datasets"]["provenance"] = {{"dtype", "string"}, {"dims", Json::array()}};
    with_common["datasets"]["file_sha256"] = {{"dtype", "fixed-string"}, {"dims", Json::array()}};
    return h5::check(h5::Input(scratch / "a.h5"), with_common);
}

void hemisphere(h5::Node& root, const std::string& h) {
    root.scale("vertex_" + h, std::vector<std::int32_t>{1, 2}, {"v"});
    root.put("response_" + h, {"image", "vertex_" + h}, std::vector<float>(4), {"r"});
}

const Json small = Json::parse(R"({
  "placeholders": {"h": ["lh", "rh"]},
  "attributes": {"n": {"type": "int"}, "method": {"type": "string", "values": ["a", "b"]},
                 "maybe": {"type": "floats", "optional": true}},
  "datasets": {"image": {"dtype": "string", "dims": ["image"]},
               "vertex_{h}": {"dtype": "int32", "dims": ["vertex_{h}"]},
               "response_{h}": {"dtype": "float32", "dims": ["image", "vertex_{h}"], "per": "vertex_{h}"}},
  "groups": {"results/{h}/*": {"attributes": {"roi": {"type": "string"}},
             "datasets": {"x": {"dtype": ["float32", "float64"], "dims": ["vertex_{h}"]}}}}})");

void good(h5::Node& root) {
    root.attr("n", 3);
    root.attr("method", "b");
    root.scale("image", Strings{"i", "j"}, {"image"});
    hemisphere(root, "lh");
    hemisphere(root, "rh");
    for (const char* h : {"lh", "rh"}) {
        h5::Node roi = root.create_group(std::string("results/") + h + "/V1");
        roi.attr("roi", "V1");
        roi.put("x", {std::string("vertex_") + h}, std::vector<double>(2), {"x"});
    }
}

}  // namespace

TEST_CASE("a file that keeps to its schema has no findings") {
    const auto f = findings(small, good);
    CHECK(f.violations == Strings{});
    CHECK(f.notes == Strings{});
}

TEST_CASE("violations name place, expectation and finding") {
    auto only = [](auto change) {
        const auto f = findings(small, [&](h5::Node& root) { good(root), change(root); });
        return f.violations.size() == 1 ? f.violations[0]
                                        : std::to_string(f.violations.size()) + " violations";
    };
    CHECK_THAT(only([](h5::Node& r) { r.attr("n", "three"); }),
               Contains("'n'") && Contains("expected int"));
    CHECK_THAT(only([](h5::Node& r) { r.attr("method", "c"); }), Contains("a, b") && Contains("'c'"));
    CHECK_THAT(only([](h5::Node& r) { r.attr("maybe", 1); }), Contains("'maybe'"));
    CHECK_THAT(only([](h5::Node& r) { H5Adelete(r.id(), "n"); }),
               Contains("attribute 'n'") && Contains("found none"));
    CHECK_THAT(only([](h5::Node& r) { H5Ldelete(r.id(), "response_rh", H5P_DEFAULT); }),
               Contains("/response_rh") && Contains("beside vertex_rh"));
    CHECK_THAT(only([](h5::Node& r) {
                   H5Ldelete(r.id(), "response_rh", H5P_DEFAULT);
                   r.put("response_rh", {"image", "vertex_lh"}, std::vector<float>(4), {"crossed"});
               }),
               Contains("expected axes (image, vertex_rh), found (image, vertex_lh)"));
    CHECK_THAT(only([](h5::Node& r) {
                   H5Ldelete(r.id(), "response_rh", H5P_DEFAULT);
                   r.put("response_rh", {"image", "vertex_rh"}, std::vector<double>(4), {"double"});
               }),
               Contains("expected float32, found float64"));
    CHECK_THAT(only([](h5::Node& r) { H5Ldelete(r.id(), "results/lh/V1/x", H5P_DEFAULT); }),
               Contains("/results/lh/V1/x") && Contains("float32 or float64"));
    CHECK_THAT(only([](h5::Node& r) { H5Ldelete(r.id(), "results", H5P_DEFAULT); }),
               Contains("results/{h}/*"));
}

TEST_CASE("an axis as long as its scale") {
    const auto f = findings(small, [](h5::Node& root) {
        good(root);
        // As another program might: the scale is replaced by a longer one of the same name.
        H5Ldelete(root.id(), "image", H5P_DEFAULT);
        root.scale("image", Strings{"i", "j", "k"}, {"image"});
    });
    REQUIRE(f.violations.size() == 2);
    CHECK_THAT(f.violations[0], Contains("expected axes") || Contains("expected 3 entries"));
}

TEST_CASE("what the schema does not know is noted, not refused") {
    const auto f = findings(small, [](h5::Node& root) {
        good(root);
        root.create_group("extra");
        hemisphere(root, "all");
    });
    CHECK(f.violations == Strings{});
    CHECK(f.notes.size() == 3);
    Json open = small;
    open["open"] = true;
    CHECK(findings(open, [](h5::Node& root) { good(root), root.create_group("extra"); }).notes.empty());
}

TEST_CASE("shipped schemas load; an unknown kind is bad input") {
    for (const char* kind : {"dataset", "model", "encoding", "evaluation", "checkpoint"}) {
        const auto schema = h5::load_schema(kind);
        CHECK(schema.at("kind") == kind);
        CHECK(schema.at("attributes").contains("complete"));
        CHECK(schema.at("datasets").contains("provenance"));
    }
    CHECK_THROWS_WITH(h5::load_schema("datset"), Contains("known: dataset"));
}

TEST_CASE("a dataset described") {
    Scratch scratch;
    {
        h5::Output out(scratch / "d.h5", "dataset", {}, false);
        h5::Node& root = out.root();
        root.attr("subject", "subj01");
        root.attr("hemispheres", Strings{"lh"});
        root.scale("image", Strings{"a", "b", "c"}, {"image"});
        root.put("split", {"image"}, std::vector<std::uint8_t>{0, 1, 0}, {"split"});
        root.scale("vertex_lh", std::vector<std::int32_t>{5, 6, 7, 8}, {"vertex"});
        root.dataset("vertex_lh").attr("space", "index");
        root.put("noise_ceiling_lh", {"vertex_lh"}, std::vector<float>{.25F, .75F, NAN, .5F},
                 {"ceiling"});
        auto labels =
            root.put("roi_lh_prf", {"vertex_lh"}, std::vector<std::int16_t>{1, 1, 0, 2}, {"labels"});
        labels.attr("roi_class", "prf");
        labels.attr("label_values", std::vector<std::int64_t>{1, 2, 3});
        labels.attr("label_names", Strings{"V1v", "V1d", "hV4"});
        out.commit();
    }
    const auto d = h5::describe(h5::Input(scratch / "d.h5"));
    CHECK(d["split"] == Json({{"train", 2}, {"test", 1}, {"official_test", 0}}));
    CHECK(d["hemispheres"][0]["mean_noise_ceiling"] == .5);
    REQUIRE(d["rois"].size() == 3);
    CHECK(d["rois"][0]["voxels"] == 2);
    CHECK(d["rois"][2]["voxels"] == 0);  // a label without voxels is still a label
    CHECK_THAT(h5::describe_text(d), Contains("subject: subj01") && Contains("hV4"));
}
