// SPDX-License-Identifier: BSD-3-Clause
// The unpickler on well-formed, refused and hostile streams, and label mappings.
#include "core/pickle.hpp"

#include <catch2/catch.hpp>

#include "core/error.hpp"
#include "core/random.hpp"
#include "datasets/mapping.hpp"
#include "datasets/whole_file.hpp"
#include "scratch.hpp"

using namespace cortune;
using namespace std::string_literals;
using pickle::Kind;

namespace {

pickle::Document load(const std::string& text) {
    return pickle::load({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, "x.pkl",
                        [](const std::string& name) { return name == "collections.OrderedDict"; });
}
void refused(const std::string& text, const char* why) {
    CHECK_THROWS_AS(load(text), BadInput);
    CHECK_THROWS_WITH(load(text), Catch::Contains("x.pkl") && Catch::Contains(why));
}

}  // namespace

TEST_CASE("numbers and strings") {
    // pickle.dumps((None, True, -3, 300, 70000, -1 << 40, 1.5, "é", b"\x00"), 4), without its frame
    const auto doc = load("\x80\x04(N\x88J\xfd\xff\xff\xffM,\x01Jp\x11\x01\x00\x8a\x06\x00\x00\x00\x00\x00\xff"s +
                          "G?\xf8\x00\x00\x00\x00\x00\x00\x8c\x02\xc3\xa9\x94"s + "C\x01\x00\x94t\x94."s);
    const auto& t = doc.root();
    REQUIRE(t.is(Kind::tuple));
    REQUIRE(t.items.size() == 9);
    CHECK(t.at(0)->is(Kind::none));
    CHECK((t.at(1)->is(Kind::boolean) && t.at(1)->integer == 1));
    CHECK(t.at(2)->integer == -3);
    CHECK(t.at(3)->integer == 300);
    CHECK(t.at(4)->integer == 70000);
    CHECK(t.at(5)->integer == -(std::int64_t{1} << 40));
    CHECK(t.at(6)->real == 1.5);
    CHECK(t.at(7)->text == "é");
    CHECK((t.at(8)->is(Kind::bytes) && t.at(8)->text == "\0"s));
    CHECK(t.at(9) == nullptr);
    CHECK(load("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.").root().is(Kind::big_integer));
    CHECK(load("\x80\x02\x8a\x00."s).root().integer == 0);
}

TEST_CASE("an OrderedDict with persistent ids and state, and what follows it") {
    const std::string text = "\x80\x02" "ccollections\nOrderedDict\nq\x00)Rq\x01(X\x01\x00\x00\x00wq\x02X\x07\x00\x00\x00storageQ"s +
                             "X\x01\x00\x00\x00vK\x05u}X\x09\x00\x00\x00_metadataK\x01sb."s;
    const auto doc = load(text + "next");
    CHECK(doc.consumed() == text.size());
    CHECK(doc.root().made_by("collections.OrderedDict"));
    REQUIRE(doc.root().find("w"));
    CHECK(doc.root().find("w")->is(Kind::persistent));
    CHECK(doc.root().find("w")->args->text == "storage");
    CHECK(doc.root().find("v")->integer == 5);
    CHECK(doc.root().find("x") == nullptr);
    CHECK(doc.root().state->find("_metadata")->integer == 1);
}

TEST_CASE("other globals are refused by name, in every spelling") {
    refused("\x80\x02" "cos\nsystem\n(X\x02\x00\x00\x00lstR."s, "'os.system'");
    refused("\x80\x04\x8c\x08" "builtins\x94\x8c\x04" "eval\x94\x93\x94."s, "'builtins.eval'");
    refused("\x80\x02" "ccollections.OrderedDict\n__init__\n."s, "'collections.OrderedDict.__init__'");
    refused("\x80\x02(ios\nsystem\n."s, "opcode 0x69");     // INST
    refused("\x80\x02\x82\x01."s, "opcode 0x82");           // EXT1
}

TEST_CASE("hostile streams end in BadInput") {
    refused("", "cut short");
    refused("\x80\x02", "cut short");
    refused("\x80\x01N.", "protocol 1");
    refused("\x80\x02.", "stack empty");
    refused("\x80\x02NN.", "left over");
    refused("\x80\x02t.", "no mark");
    refused("\x80\x02(N0R.", "stack empty");
    refused("\x80\x02h\x05.", "memo 5");
    refused("\x80\x02X\xff\xff\xff\xff.", "cut short");
    refused("\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "cut short");
    refused("\x80\x02\x8b\xff\xff\xff\xff.", "cut short");
    refused("\x80\x02K\x01)R.", "calls a int");
    refused("\x80\x02K\x01}b.", "state for a int");
    refused("\x80\x02K\x01Na.", "append to a int");
    refused("\x80\x02}(K\x01u.", "a key without a value");
    refused("\x80\x02" + std::string(std::size_t{2} << 20, 'N') + ".", "more than");
    refused("\x80\x02" + std::string(1 << 20, '(') + ".", "stack empty");
    // Depth costs no stack: a million tuples within each other.
    const auto deep = load("\x80\x02N" + std::string(1'000'000, '\x85') + ".");
    CHECK(deep.root().is(Kind::tuple));
    // A list that holds itself.
    const auto cycle = load("\x80\x02]q\x00h\x00" "a."s);
    CHECK(cycle.root().at(0) == &cycle.root());
}

TEST_CASE("random damage never gets past BadInput") {
    Scratch scratch;
    datasets::write_mapping_npy(scratch / "m.npy", {{0, "Unknown"}, {1, "V1v"}, {300, "V1d"}});
    const auto whole = datasets::read_whole_file(scratch / "m.npy", 10000);
    Rng rng(1);
    for (int trial = 0; trial < 20000; ++trial) {
        std::string text(whole.begin() + 128, whole.end());
        for (int k = 0; k < 3; ++k) text[rng.below(text.size())] = static_cast<char>(rng.below(256));
        try {
            load(text);
        } catch (const BadInput&) {
        }
    }
}

TEST_CASE("mappings come back, blanks trimmed") {
    Scratch scratch;
    const std::map<std::int64_t, std::string> names{{0, "Unknown"}, {1, "V1v"}, {300, "mTL-bodies "}};
    datasets::write_mapping_npy(scratch / "m.npy", names);
    CHECK(datasets::read_mapping_npy(scratch / "m.npy") ==
          std::map<std::int64_t, std::string>{{0, "Unknown"}, {1, "V1v"}, {300, "mTL-bodies"}});
    CHECK_THROWS_AS(datasets::read_mapping_npy(scratch / "none.npy"), BadInput);
    const auto whole = datasets::read_whole_file(scratch / "m.npy", 10000);
    for (std::size_t n = 0; n < whole.size(); ++n) {
        datasets::write_whole_file(scratch / "c.npy", {{reinterpret_cast<const char*>(whole.data()), n}});
        CHECK_THROWS_AS(datasets::read_mapping_npy(scratch / "c.npy"), BadInput);
    }
}
