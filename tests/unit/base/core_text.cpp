// SPDX-License-Identifier: BSD-3-Clause
// Text, hashes, random numbers, times.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <set>

#include "core/error.hpp"
#include "core/hash.hpp"
#include "core/random.hpp"
#include "core/system.hpp"
#include "core/text.hpp"
#include "scratch.hpp"

using namespace cortune;

TEST_CASE("text helpers") {
    CHECK(join({"a", "b", "c"}) == "a, b, c");
    CHECK(join({}) == "");
    CHECK(split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
    CHECK(split("", ',') == std::vector<std::string>{""});
    CHECK(trim("  V1v \t\n") == "V1v");
    CHECK(trim(" \t") == "");
    CHECK(lower_snake("prf-visualrois") == "prf_visualrois");
    CHECK(lower_snake("FFA-1") == "ffa_1");
    CHECK(nearest_first("v1w", {"EBA", "V2v", "V1v"}).front() == "V1v");
    CHECK(nearest_first("ebb", {"V1v", "EBA"}).front() == "EBA");
}

TEST_CASE("amounts of memory") {
    CHECK(parse_bytes("123") == 123);
    CHECK(parse_bytes("500M") == 500ULL << 20);
    CHECK(parse_bytes("8G") == 8ULL << 30);
    CHECK(parse_bytes("1.5GiB") == 3ULL << 29);
    CHECK(parse_bytes("2kb") == 2048);
    for (const char* bad : {"", "G", "8X", "8GG", "-1G", "8 G", "nan", "inf", "1e30", "5ib", "5i"}) {
        INFO(bad);
        CHECK_THROWS_AS(parse_bytes(bad), UsageError);
    }
    CHECK(format_bytes(512) == "512 B");
    CHECK(format_bytes(1.5 * 1024 * 1024) == "1.5 MiB");
    CHECK(format_bytes(1023) == "1023 B");
    CHECK(format_bytes(1024 * 1024 - 1) == "1.0 MiB");
    CHECK(format_seconds(1.234) == "1.23 s");
    CHECK(format_seconds(59.99) == "59.99 s");
    CHECK(format_seconds(59.999) == "1 min 00 s");
    CHECK(format_seconds(61) == "1 min 01 s");
    CHECK(format_seconds(3660) == "1 h 01 min");
}

TEST_CASE("SHA-256 against FIPS 180-4's examples") {
    CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    Sha256 in_parts;
    in_parts.update("a", 1);
    in_parts.update("bc", 2);
    CHECK(to_hex(in_parts.digest()) == sha256_hex("abc"));
    Scratch scratch;
    std::ofstream(scratch / "abc") << "abc";
    CHECK(sha256_file(scratch / "abc") == sha256_hex("abc"));
    CHECK_THROWS_AS(sha256_file(scratch / "absent"), BadInput);
}

TEST_CASE("numbers drawn from hashes") {
    // python3: int(hashlib.sha256(b'0/nsd:02951').hexdigest()[:16], 16), and that / 2**64
    CHECK(hash64("0/nsd:02951") == 17227263295292132384ULL);
    CHECK(hash_unit("0/nsd:02951") == Approx(0.933891814536776).margin(1e-14));
    double sum = 0;
    for (int i = 0; i < 2000; ++i) {
        const double u = hash_unit(std::to_string(i));
        REQUIRE((u >= 0 && u < 1));
        sum += u;
    }
    CHECK(sum / 2000 == Approx(0.5).margin(0.02));
}

TEST_CASE("random streams are reproducible and independent") {
    Rng a(7, 1), b(7, 1), c(7, 2);
    CHECK(a() == b());
    CHECK(a() != c());
    auto order = Rng(3).permutation(100);
    CHECK(std::set<std::int64_t>(order.begin(), order.end()).size() == 100);
    CHECK(order == Rng(3).permutation(100));
    Rng normal(1);
    double sum = 0, squares = 0;
    for (int i = 0; i < 20000; ++i) {
        const double x = normal.normal();
        sum += x;
        squares += x * x;
    }
    CHECK(sum / 20000 == Approx(0).margin(0.03));
    CHECK(squares / 20000 == Approx(1).margin(0.03));
}

TEST_CASE("times and identities") {
    CHECK(iso_time(0) == "1970-01-01T00:00:00Z");
    CHECK(iso_time(1769860800) == "2026-01-31T12:00:00Z");
    ::setenv("SOURCE_DATE_EPOCH", "86400", 1);
    CHECK(reproducible_time());
    CHECK(iso_time(creation_time()) == "1970-01-02T00:00:00Z");
    ::unsetenv("SOURCE_DATE_EPOCH");
    CHECK_FALSE(reproducible_time());
    const std::string one = random_uuid(), same = derived_uuid("x");
    CHECK(one.size() == 36);
    CHECK(one[14] == '4');
    CHECK(one != random_uuid());
    CHECK(same == derived_uuid("x"));
    CHECK(same[14] == '8');
    CHECK(std::string("89ab").find(same[19]) != std::string::npos);
}

TEST_CASE("threads follow Slurm") {
    ::setenv("SLURM_CPUS_PER_TASK", "7", 1);
    CHECK(default_threads() == 7);
    ::unsetenv("SLURM_CPUS_PER_TASK");
    const int own = default_threads();
    CHECK(own >= 1);
    for (const char* odd : {"", "0", "-3", "7x", "99999999999999"}) {
        INFO(odd);
        ::setenv("SLURM_CPUS_PER_TASK", odd, 1);
        CHECK(default_threads() == own);
    }
    ::unsetenv("SLURM_CPUS_PER_TASK");
    CHECK(available_memory() > 0);
}
