// SPDX-License-Identifier: BSD-3-Clause
// The one writer of plain files: whole or not at all, what stands is kept, true reasons.
#include <sys/resource.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <sstream>

#include "core/error.hpp"
#include "core/output_file.hpp"
#include "core/text_file.hpp"
#include "datasets/whole_file.hpp"
#include "scratch.hpp"

using namespace cortune;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

// A disk that takes no more than `bytes` a file, for a scope.
class SmallFiles {
  public:
    explicit SmallFiles(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit small{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &small);
    }
    ~SmallFiles() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

  private:
    void (*handler_)(int);
    rlimit before_{};
};

}  // namespace

TEST_CASE("pieces are written one after the other, durable or not") {
    Scratch scratch;
    for (const bool durable : {true, false}) {
        const fs::path path = scratch / (durable ? "a" : "b");
        write_bytes(path, {"one ", std::string_view("\0two", 4), ""}, {.durable = durable});
        CHECK(slurp(path) == std::string("one \0two", 8));
    }
    CHECK(scratch.entries() == 2);
    write_bytes(scratch / "empty", {});
    CHECK(slurp(scratch / "empty").empty());
}

TEST_CASE("an existing file is replaced only with overwrite") {
    Scratch scratch;
    write_text_file(scratch / "a", "old", false);
    CHECK_THROWS_WITH(write_text_file(scratch / "a", "new", false), Contains("exists already"));
    CHECK(slurp(scratch / "a") == "old");
    write_text_file(scratch / "a", "new", true);
    CHECK(slurp(scratch / "a") == "new");
    CHECK(scratch.entries() == 1);
}

TEST_CASE("what is no regular file is never replaced") {
    Scratch scratch;
    fs::create_directory(scratch / "folder");
    REQUIRE(::mkfifo((scratch / "pipe").c_str(), 0600) == 0);
    fs::create_symlink(scratch / "nowhere", scratch / "link");
    for (const char* name : {"folder", "pipe", "link"})
        for (const bool overwrite : {false, true}) {
            CHECK_THROWS_AS(write_text_file(scratch / name, "x", overwrite), OutputError);
            CHECK_THROWS_WITH(write_text_file(scratch / name, "x", overwrite), Contains("not a regular file"));
        }
    CHECK_THROWS_AS(datasets::write_whole_file(scratch / "folder", {"x"}), OutputError);
    CHECK(fs::is_directory(scratch / "folder"));
    CHECK(fs::is_fifo(scratch / "pipe"));
    CHECK(fs::is_symlink(scratch / "link"));
    CHECK(scratch.entries() == 3);
    CHECK_THROWS_AS(write_text_file(scratch / "folder/", "x", true), UsageError);
}

TEST_CASE("a failure says the system's reason and leaves the old file alone") {
    Scratch scratch;
    CHECK_THROWS_WITH(write_text_file(scratch / "no/a", "x", false),
                      Contains("no/a: cannot be written (No such file or directory)"));
    write_text_file(scratch / "a", "old", false);
    std::string message;
    {
        SmallFiles limit(1000);
        try {
            write_text_file(scratch / "a", std::string(5000, 'x'), true);
        } catch (const OutputError& e) {
            message = e.what();
        }
    }
    CHECK_THAT(message, Contains("a: cannot be written (File too large)"));
    CHECK(slurp(scratch / "a") == "old");
    CHECK(scratch.entries() == 1);
}

TEST_CASE("a part file is the target's hidden neighbour") {
    const fs::path part = part_path("folder/out.tsv");
    CHECK(part.parent_path() == "folder");
    CHECK_THAT(part.filename().string(), Catch::StartsWith(".out.tsv.") && Catch::EndsWith(".part"));
    CHECK(part_path("out.tsv").parent_path().empty());
}
