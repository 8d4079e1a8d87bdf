// SPDX-License-Identifier: BSD-3-Clause
// The file contract: nothing under the name before commit, nothing left without it,
// and every way in which a file can be unfit is refused.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "core/error.hpp"
#include "core/hash.hpp"
#include "core/interrupt.hpp"
#include "h5/file.hpp"
#include "scratch.hpp"

using namespace cortune;
namespace fs = std::filesystem;

namespace {

h5::Record a_record() {
    h5::Record record;
    record.tool = "unit-test";
    record.argv = {"unit-test", "--x", "1"};
    return record;
}

void write_small(const fs::path& path, bool overwrite = false) {
    h5::Output out(path, "model", a_record(), overwrite);
    out.root().index_scale("row", 3, {"rows"});
    out.root().put("value", {"row"}, std::vector<float>{1, 2, 3}, {"values"});
    out.root().create_group("some/inner/group").attr("n", 1);
    out.commit();
}

// Opens with plain HDF5 and changes one attribute of the root.
void tamper(const fs::path& path, const char* attribute, const std::string& value) {
    h5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
    h5::Node root(h5::Handle(H5Gopen2(file.get(), "/", H5P_DEFAULT)), "test:/");
    if (value.empty())
        H5Adelete(root.id(), attribute);
    else
        root.attr(attribute, value);
}

}  // namespace

TEST_CASE("a file appears only when it is whole") {
    Scratch scratch;
    const fs::path target = scratch / "a.h5";
    {
        h5::Output out(target, "model", a_record(), false);
        CHECK_FALSE(fs::exists(target));
        CHECK(scratch.entries() == 1);  // the hidden part file
        out.commit();
        CHECK(fs::exists(target));
    }
    CHECK(scratch.entries() == 1);
    const h5::Input in(target, {"model"});
    CHECK(in.kind() == "model");
    CHECK(in.root().attr_int("complete") == 1);
    CHECK(in.provenance()["root"] == in.uuid());
    CHECK(in.provenance()["nodes"][in.uuid()]["tool"] == "unit-test");
}

TEST_CASE("of two runs that make the same file without leave to replace one, the second ends") {
    Scratch scratch;
    h5::Output first(scratch / "a.h5", "model", a_record(), false);
    std::string kept;
    {
        // A part file is named for its process: another one's is another file.
        fs::rename(scratch / fmt::format(".a.h5.{}.part", ::getpid()), scratch / ".a.h5.1.part");
        write_small(scratch / "a.h5");
        kept = h5::Input(scratch / "a.h5").uuid();
        fs::rename(scratch / ".a.h5.1.part", scratch / fmt::format(".a.h5.{}.part", ::getpid()));
    }
    CHECK_THROWS_AS(first.commit(), OutputError);
    CHECK(h5::Input(scratch / "a.h5").uuid() == kept);
}

TEST_CASE("every byte counts, and a file without a digest is taken as it is") {
    Scratch scratch;
    write_small(scratch / "a.h5");
    h5::Record record = a_record();
    CHECK_NOTHROW(h5::Input(scratch / "a.h5").register_in(record));
    for (const bool edited : {false, true}) {
        const fs::path path = scratch / (edited ? "edited.h5" : "damaged.h5");
        fs::copy_file(scratch / "a.h5", path);
        {
            h5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
            h5::Node root(h5::Handle(H5Gopen2(file.get(), "/", H5P_DEFAULT)), "test:/");
            const float other[3] = {1, 2, 4};
            root.dataset("value").write<float>(other);
            if (edited) H5Ldelete(root.id(), "file_sha256", H5P_DEFAULT);
        }
        const h5::Input in(path);
        if (edited) CHECK_NOTHROW(in.register_in(record));
        else CHECK_THROWS_AS(in.register_in(record), BadInput);
    }
}

TEST_CASE("what is finished has no name before commit, and two files of one second are two") {
    setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    Scratch scratch;
    std::string uuid;
    {
        h5::Output one(scratch / "one.h5", "model", a_record(), false), two(scratch / "two.h5", "model", a_record(), false), lost(scratch / "lost.h5", "model", a_record(), false);
        CHECK(one.uuid() != two.uuid());
        uuid = two.uuid();
        for (auto* out : {&one, &two, &lost}) out->finish();
        CHECK_FALSE(fs::exists(scratch / "one.h5"));
        one.commit();
        two.commit();
    }
    unsetenv("SOURCE_DATE_EPOCH");
    CHECK(h5::Input(scratch / "two.h5").uuid() == uuid);
    CHECK(scratch.entries() == 2);
}

TEST_CASE("without commit nothing is left") {
    Scratch scratch;
    { h5::Output out(scratch / "a.h5", "model", a_record(), false); }
    CHECK(scratch.entries() == 0);
    try {
        h5::Output out(scratch / "a.h5", "model", a_record(), false);
        h5::Dataset kept_open = (out.root().index_scale("row", 2, {"rows"}),
                                 out.root().create<float>("value", {"row"}, {"values"}));
        throw Interrupted(2);
    } catch (const Interrupted&) {
    }
    CHECK(scratch.entries() == 0);
}

TEST_CASE("complete is the last attribute of the root") {
    Scratch scratch;
    write_small(scratch / "a.h5");
    h5::Handle file(H5Fopen((scratch / "a.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
    h5::Handle root(H5Gopen2(file.get(), "/", H5P_DEFAULT));
    std::vector<std::string> names;
    hsize_t at = 0;
    H5Aiterate2(
        root.get(), H5_INDEX_CRT_ORDER, H5_ITER_INC, &at,
        [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
            static_cast<std::vector<std::string>*>(out)->emplace_back(name);
            return 0;
        },
        &names);
    REQUIRE(names.size() == 7);
    CHECK(names.front() == "format");
    CHECK(names.back() == "complete");
}

TEST_CASE("existing output needs --overwrite and survives a failed run") {
    Scratch scratch;
    write_small(scratch / "a.h5");
    const std::string before = sha256_file(scratch / "a.h5");
    CHECK_THROWS_AS(write_small(scratch / "a.h5"), OutputError);
    CHECK_THROWS_AS(h5::check_target(scratch / "a.h5", false, "model"), OutputError);
    { h5::Output out(scratch / "a.h5", "model", a_record(), true); }
    CHECK(sha256_file(scratch / "a.h5") == before);
    write_small(scratch / "a.h5", true);
    CHECK(sha256_file(scratch / "a.h5") != before);  // another uuid
    CHECK(scratch.entries() == 1);
    // --overwrite replaces files of the same kind, and nothing of ours by another format.
    CHECK_NOTHROW(h5::check_target(scratch / "a.h5", true, "model"));
    CHECK_THROWS_AS(h5::check_target(scratch / "a.h5", true, "evaluation"), OutputError);
    CHECK_THROWS_AS(h5::check_target(scratch / "a.h5", true, ""), OutputError);
    CHECK_THROWS_AS(h5::check_target(scratch / "no" / "such" / "a.h5", false, ""), OutputError);
    CHECK_THROWS_AS(h5::check_target(scratch / "", false, ""), Error);
    CHECK_THROWS_AS(h5::check_target("", false, ""), UsageError);
}

TEST_CASE("the same bytes with SOURCE_DATE_EPOCH") {
    Scratch scratch;
    ::setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    for (const char* name : {"first.h5", "second.h5"}) {
        write_small(scratch / "a.h5");
        fs::rename(scratch / "a.h5", scratch / name);
        std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // HDF5 counts in seconds
    }
    ::unsetenv("SOURCE_DATE_EPOCH");
    CHECK(sha256_file(scratch / "first.h5") == sha256_file(scratch / "second.h5"));
}

TEST_CASE("unfit files are refused as bad input") {
    Scratch scratch;
    const fs::path file = scratch / "a.h5";
    CHECK_THROWS_WITH(h5::Input(file), Catch::Contains("no such file"));
    std::ofstream(file) << "not HDF5 at all";
    CHECK_THROWS_WITH(h5::Input(file), Catch::Contains("not an HDF5 file"));
    fs::remove(file);
    write_small(file);
    CHECK_NOTHROW(h5::Input(file));
    SECTION("another kind") {
        CHECK_THROWS_WITH(h5::Input(file, {"dataset", "encoding"}),
                          Catch::Contains("'model'") && Catch::Contains("'dataset' or 'encoding'"));
    }
    SECTION("foreign") {
        tamper(file, "format", "other");
        CHECK_THROWS_WITH(h5::Input(file), Catch::Contains("not one of cortune's"));
        tamper(file, "format", "");
        CHECK_THROWS_AS(h5::Input(file), BadInput);
    }
    SECTION("unfinished") {
        tamper(file, "complete", "");
        CHECK_THROWS_WITH(h5::Input(file), Catch::Contains("unfinished"));
    }
    SECTION("newer major, newer minor") {
        tamper(file, "schema_version", "1.9");
        CHECK_NOTHROW(h5::Input(file));
        tamper(file, "schema_version", "2.0");
        CHECK_THROWS_WITH(h5::Input(file), Catch::Contains("schema 2.0"));
    }
    SECTION("truncated at any length") {
        const auto size = fs::file_size(file);
        for (auto keep = size; keep > 0; keep -= std::min<std::uintmax_t>(keep, 97)) {
            if (keep == size) continue;
            fs::resize_file(file, keep);
            CHECK_THROWS_AS(h5::Input(file), BadInput);
        }
    }
    SECTION("the failures are all exit code 3") {
        tamper(file, "complete", "");
        try {
            h5::Input in(file);
            FAIL("accepted");
        } catch (const Error& e) {
            CHECK(e.code() == ExitCode::bad_input);
            CHECK_FALSE(e.hint().empty());
        }
    }
}

TEST_CASE("a disk that fills up is an output error and leaves nothing") {
    // In a child of its own: the limit on file size stands for the full disk.
    Scratch scratch;
    for (const rlim_t limit : {rlim_t{0}, rlim_t{500}, rlim_t{4096}, rlim_t{40000}, rlim_t{400000}}) {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            install_signal_handlers();
            rlimit small{limit, limit};
            setrlimit(RLIMIT_FSIZE, &small);
            int code = 99;
            try {
                h5::Output out(scratch / "a.h5", "model", a_record(), false);
                out.root().index_scale("row", 200000, {"rows"});
                out.root().put("value", {"row"}, std::vector<float>(200000, 1.F), {"values"});
                out.commit();
                code = 0;
            } catch (const Error& e) {
                code = static_cast<int>(e.code());
            } catch (...) {
                code = 98;
            }
            // As a tool ends: with HDF5's own cleaning up.
            std::exit(code);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        INFO("limit " << limit << " status " << status);
        CHECK(WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 4);
        CHECK(scratch.entries() == 0);
    }
}
