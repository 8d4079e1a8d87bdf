// SPDX-License-Identifier: BSD-3-Clause
// Sides and folds hang on the id and the seed alone; reference values from Python's hashlib.
#include "datasets/split.hpp"

#include <catch2/catch.hpp>

using namespace cortune::datasets;

TEST_CASE("a side is the hash of seed and id") {
    // u = 0.933892 for seed 0, 0.944198 for seed 7
    CHECK(split_of("nsd:02951", 0, 0.9338928) == Split::test);
    CHECK(split_of("nsd:02951", 0, 0.9338908) == Split::train);
    CHECK(split_of("nsd:02951", 7, 0.9441994) == Split::test);
    CHECK(split_of("nsd:02951", 7, 0.9441974) == Split::train);
    CHECK(split_of("a:b", 0, 0.0) == Split::train);
    CHECK(split_of("a:b", 0, 1.0) == Split::test);
}

TEST_CASE("folds and the inner part use salts of their own") {
    CHECK(fold_of("nsd:02951", 0, 5) == 3);
    CHECK(fold_of("nsd:02951", 7, 5) == 3);
    CHECK(inner_validation("nsd:02951", 0, 0.8450743));
    CHECK_FALSE(inner_validation("nsd:02951", 0, 0.8450723));
}

TEST_CASE("shares and folds are as large as asked for") {
    int test = 0, fold[5] = {};
    for (int i = 0; i < 20000; ++i) {
        const std::string id = "x:" + std::to_string(i);
        test += split_of(id, 3, 0.15) == Split::test;
        ++fold[fold_of(id, 3, 5)];
    }
    CHECK(test == Approx(3000).margin(200));  // 4 standard deviations
    for (int n : fold) CHECK(n == Approx(4000).margin(230));
}
