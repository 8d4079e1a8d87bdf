// SPDX-License-Identifier: BSD-3-Clause
// NumPy files: what is written comes back, blocks and axes agree, and everything that is
// not a plain matrix of numbers is refused with the file's name.
#include "datasets/npy.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <numeric>

#include "core/error.hpp"
#include "datasets/whole_file.hpp"
#include "scratch.hpp"

using namespace cortune;
using namespace cortune::datasets;

namespace {

NpyHeader parse(const std::string& text, int version = 1) {
    std::string bytes = std::string("\x93NUMPY") + static_cast<char>(version) + '\0';
    for (int i = 0; i < (version == 1 ? 2 : 4); ++i) bytes += static_cast<char>(text.size() >> (8 * i) & 0xff);
    bytes += text;
    return parse_npy_header({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "x.npy");
}

std::vector<float> counted(std::size_t n) {
    std::vector<float> out(n);
    std::iota(out.begin(), out.end(), 0.0f);
    return out;
}

}  // namespace

TEST_CASE("headers of all versions and spellings") {
    for (int version : {1, 2, 3}) {
        const auto h = parse("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 40), }   \n", version);
        CHECK(h.descr == "<f4");
        CHECK(h.fortran_order);
        CHECK(h.shape == std::vector<std::uint64_t>{3, 40});
        CHECK(h.data_offset == (version == 1 ? 10u : 12u) + 64u - 3u + 2u);
    }
    CHECK(parse("{\"shape\":(7L,),\"fortran_order\":False,\"descr\":\"|u1\"}").shape == std::vector<std::uint64_t>{7});
    CHECK(parse("{'descr':'|O','fortran_order':False,'shape':()}").shape.empty());
}

TEST_CASE("headers that are none") {
    for (const char* text :
         {"", "{", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (3, -1)}",
          "{'descr': '<f4', 'fortran_order': 1, 'shape': (3,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': 3}",
          "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}", "{'evil': 1}",
          "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "['descr']", "{'descr': '<f4"})
        CHECK_THROWS_AS(parse(text), BadInput);
    CHECK_THROWS_AS(parse("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 4), BadInput);
}

TEST_CASE("rows and columns in blocks") {
    Scratch scratch;
    const auto values = counted(35);
    write_npy<float>(scratch / "a.npy", {5, 7}, values);
    const NpyFile file(scratch / "a.npy");
    CHECK(file.shape() == std::vector<std::uint64_t>{5, 7});
    CHECK(file.descr() == "<f4");
    std::vector<float> rows(14), columns(10);
    file.rows(3, 2, rows.data());
    CHECK(rows == std::vector<float>(values.begin() + 21, values.end()));
    file.columns(5, 2, columns.data());
    CHECK(columns == std::vector<float>{5, 12, 19, 26, 33, 6, 13, 20, 27, 34});
    CHECK_THROWS_AS(file.integers(), BadInput);
    CHECK(scratch.entries() == 1);
}

TEST_CASE("one axis, integers, and a replaced file") {
    Scratch scratch;
    const std::vector<std::int64_t> values{-5, 0, std::int64_t{1} << 60};
    write_npy<std::int64_t>(scratch / "a.npy", {3}, values);
    CHECK(NpyFile(scratch / "a.npy").integers() == values);
    const std::vector<std::uint8_t> bytes{0, 255};
    write_npy<std::uint8_t>(scratch / "a.npy", {2, 1}, bytes);
    CHECK(NpyFile(scratch / "a.npy").floats() == std::vector<float>{0, 255});
    CHECK_THROWS_AS(write_npy<std::uint8_t>(scratch / "no/a.npy", {2}, bytes), OutputError);
    CHECK_THROWS_AS(write_npy<std::uint8_t>(scratch / "b.npy", {3}, bytes), std::logic_error);
}

TEST_CASE("every cut of a file is refused with both sizes") {
    Scratch scratch;
    write_npy<float>(scratch / "a.npy", {2, 3}, counted(6));
    const auto whole = read_whole_file(scratch / "a.npy", 1000);
    REQUIRE(whole.size() == 152);
    for (std::size_t n = 0; n < whole.size(); ++n) {
        write_whole_file(scratch / "cut.npy", {{reinterpret_cast<const char*>(whole.data()), n}});
        CHECK_THROWS_AS(NpyFile(scratch / "cut.npy"), BadInput);
    }
    CHECK_THROWS_WITH(NpyFile(scratch / "cut.npy"), Catch::Contains("expected 152 bytes, found 151"));
    CHECK_THROWS_AS(NpyFile(scratch / "none.npy"), BadInput);
}

TEST_CASE("shapes that overflow, types that are not numbers, three axes") {
    Scratch scratch;
    auto refused = [&](const std::string& type, const std::vector<std::uint64_t>& shape, const char* text) {
        write_whole_file(scratch / "a.npy", {npy_header_bytes(type, shape), "0123456789abcdef0123456789abcdef"});
        CHECK_THROWS_WITH(NpyFile(scratch / "a.npy"), Catch::Contains(text));
    };
    refused("<f4", {std::uint64_t{1} << 62, 4}, "bytes, found");
    refused("<f4", {std::uint64_t{1} << 63, 2}, "bytes, found");
    refused("<f4", {1, 1, 1}, "at most two axes");
    refused(">f4", {2}, "found '>f4'");
    refused("<U4", {2}, "found '<U4'");
    refused("|O", {}, "found '|O'");
}
