// SPDX-License-Identifier: BSD-3-Clause
// Attributes, strings, scales and numbers survive the way to disk and back.
#include <catch2/catch.hpp>

#include "core/error.hpp"
#include "h5/file.hpp"
#include "scratch.hpp"

using namespace cortune;
using Catch::Contains;

namespace {
using Strings = std::vector<std::string>;
using Ints = std::vector<std::int64_t>;
using Doubles = std::vector<double>;
}  // namespace

TEST_CASE("attributes round trip") {
    Scratch scratch;
    {
        h5::Output out(scratch / "a.h5", "model", {}, false);
        h5::Node& root = out.root();
        root.attr("text", "größer als V1 — ₂");
        root.attr("empty_text", "");
        root.attr("int", std::int64_t{-5000000000});
        root.attr("double", 0.1);
        root.attr("strings", Strings{"V1v", "", "ä"});
        root.attr("ints", Ints{1, -2});
        root.attr("doubles", Doubles{.485, 1e300});
        root.attr("no_strings", Strings{});
        root.attr("no_ints", Ints{});
        root.attr("no_doubles", Doubles{});
        root.attr("int", 7);  // a second value replaces the first
        out.commit();
    }
    const h5::Input in(scratch / "a.h5");
    const h5::Node& root = in.root();
    CHECK(root.attr_string("text") == "größer als V1 — ₂");
    CHECK(root.attr_string("empty_text").empty());
    CHECK(root.attr_int("int") == 7);
    CHECK(root.attr_double("double") == 0.1);
    CHECK(root.attr_strings("strings") == Strings{"V1v", "", "ä"});
    CHECK(root.attr_ints("ints") == Ints{1, -2});
    CHECK(root.attr_doubles("doubles") == Doubles{.485, 1e300});
    CHECK(root.attr_strings("no_strings").empty());
    CHECK(root.attr_ints("no_ints").empty());
    CHECK(root.attr_doubles("no_doubles").empty());
    CHECK_THROWS_WITH(root.attr_int("absent"), Contains("'absent' is missing"));
    CHECK_THROWS_AS(root.attr_int("text"), BadInput);
    CHECK_THROWS_AS(root.attr_string("int"), BadInput);
    CHECK_THROWS_WITH(root.attr_int("ints"), Contains("one value, holds 2"));
}

TEST_CASE("data sets take their shape from scales of any ancestor") {
    Scratch scratch;
    {
        h5::Output out(scratch / "a.h5", "model", {}, false);
        h5::Node& root = out.root();
        root.scale("image", Strings{"nsd:1", "nsd:ü", "nsd:3"}, {"picture"});
        root.scale("alpha_grid", Doubles{.1, 1}, {"ridge penalty"});
        h5::Node roi = root.create_group("results/lh/prf/V1v");
        roi.scale("voxel", std::vector<std::int32_t>{4, 9}, {"column"});
        roi.put("prediction", {"image", "voxel"}, std::vector<float>{1, 2, 3, 4, 5, 6},
                {"prediction", "standard deviations"});
        roi.put("alpha", {"alpha_grid", "voxel"}, Doubles{1, 2, 3, 4}, {"penalty"});
        roi.put("count", {}, std::vector<std::int64_t>{11}, {"a scalar"});
        root.put_strings("sha256", {"image"}, Strings{"a", "b", "c"}, {"hash"});
        root.put_text("note", "text", {"a note"});
        h5::Dataset streamed = root.create<std::uint8_t>("pixels", {"image", "alpha_grid"}, {"pixels"});
        const std::uint8_t rows[] = {1, 2, 3, 4};
        streamed.write_rows<std::uint8_t>(1, 2, rows);
        streamed.write_rows<std::uint8_t>(0, 1, rows + 2);
        CHECK_THROWS_AS(root.create<float>("bad", {"nowhere"}, {"no such scale"}), std::logic_error);
        CHECK_THROWS_AS(root.put("short", {"image"}, std::vector<float>{1}, {"too few"}),
                        std::logic_error);
        out.commit();
    }
    const h5::Input in(scratch / "a.h5");
    const h5::Node& root = in.root();
    CHECK(root.dataset("image").read_strings() == Strings{"nsd:1", "nsd:ü", "nsd:3"});
    CHECK(root.dataset("image").type_name() == "string");
    CHECK(root.dataset("image").dims() == Strings{"image"});
    const h5::Dataset p = root.dataset("results/lh/prf/V1v/prediction");
    CHECK(p.shape() == h5::Shape{3, 2});
    CHECK(p.dims() == Strings{"image", "voxel"});
    CHECK(p.type_name() == "float32");
    CHECK(p.read<double>() == Doubles{1, 2, 3, 4, 5, 6});
    CHECK(p.attr_string("long_name") == "prediction");
    CHECK(p.attr_string("units") == "standard deviations");
    CHECK(root.dataset("results/lh/prf/V1v/alpha").dims() == Strings{"alpha_grid", "voxel"});
    CHECK(root.dataset("results/lh/prf/V1v/count").read<std::int64_t>() == Ints{11});
    CHECK(root.read_text("note") == "text");
    std::uint8_t row[2];
    root.dataset("pixels").read_rows<std::uint8_t>(2, 1, row);
    CHECK((row[0] == 3 && row[1] == 4));
    root.dataset("pixels").read_rows<std::uint8_t>(0, 1, row);
    CHECK((row[0] == 3 && row[1] == 4));
    CHECK(root.group("results").children() == Strings{"lh"});
    CHECK(root.is_group("results"));
    CHECK_FALSE(root.is_group("image"));
    CHECK(root.has("results/lh/prf"));
    CHECK_FALSE(root.has("results/rh/prf"));
    CHECK_THROWS_WITH(root.dataset("results/lh/absent"),
                      Contains("/results/lh/absent") && Contains("missing"));
    CHECK_THROWS_AS(root.dataset("results"), BadInput);
    CHECK_THROWS_AS(root.group("image"), BadInput);
    CHECK_THROWS_AS(root.dataset("pixels").read_strings(), BadInput);
}

TEST_CASE("children come in the order of creation") {
    Scratch scratch;
    {
        h5::Output out(scratch / "a.h5", "model", {}, false);
        for (const char* name : {"zeta", "alpha", "mid"}) out.root().create_group(name);
        for (const char* name : {"beta", "aleph"})
            out.root().create_group(std::string("zeta/between/") + name);
        out.commit();
    }
    const h5::Input in(scratch / "a.h5");
    CHECK(in.root().children() == Strings{"file_sha256", "provenance", "zeta", "alpha", "mid"});
    CHECK(in.root().group("zeta/between").children() == Strings{"beta", "aleph"});
}

TEST_CASE("an empty axis is allowed") {
    Scratch scratch;
    {
        h5::Output out(scratch / "a.h5", "model", {}, false);
        out.root().scale("image", Strings{}, {"none"});
        out.root().put("x", {"image"}, std::vector<float>{}, {"nothing"});
        out.root().put_strings("s", {"image"}, Strings{}, {"nothing"});
        out.commit();
    }
    const h5::Input in(scratch / "a.h5");
    CHECK(in.root().dataset("image").read_strings().empty());
    CHECK(in.root().dataset("x").read<float>().empty());
    CHECK(in.root().dataset("s").shape() == h5::Shape{0});
}

TEST_CASE("provenance carries the nodes of all ancestors") {
    Scratch scratch;
    h5::Record first;
    first.tool = "maker";
    first.argv = {"maker", "\xff not UTF-8"};
    first.add_input("/data/x.npy", std::string(64, 'a'));
    {
        h5::Output out(scratch / "a.h5", "dataset", first, false);
        out.commit();
    }
    h5::Record second;
    second.tool = "user";
    second.seed = 3;
    const h5::Input a(scratch / "a.h5");
    a.register_in(second);
    a.register_in(second);  // twice is once
    {
        h5::Output out(scratch / "b.h5", "model", second, false);
        out.commit();
    }
    const auto tree = h5::Input(scratch / "b.h5").provenance();
    CHECK(tree["nodes"].size() == 2);
    CHECK(tree["nodes"][tree["root"].get<std::string>()]["parents"] == Strings{a.uuid()});
    CHECK(tree["nodes"][a.uuid()]["seed"].is_null());
    const std::string text = h5::provenance_text(tree);
    CHECK_THAT(text, Contains("user") && Contains("maker") && Contains("/data/x.npy"));
}
