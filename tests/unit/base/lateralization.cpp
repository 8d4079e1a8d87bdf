// SPDX-License-Identifier: BSD-3-Clause
// Which pairs of hemispheres are one region over subjects.
#include <catch2/catch.hpp>
#include <set>

#include "salience/laterality.hpp"
#include "salience/lateralization.hpp"

using namespace cortune;
using salience::LateralPair;

namespace {

LateralPair pair_of(const std::string& subject, double effect) {
    LateralPair p;
    p.score = {"response", "", "", subject, "", "prf-visualrois", "V1v", -1};
    p.backbone = "alexnet-mini", p.method = "infonce", p.map_method = "gradcam", p.layer = "features.2", p.tap = "features.2";
    p.band.resize(salience::band_edges.size() + 1);
    p.band[salience::whole_picture].contralateral.mean = effect;
    return p;
}

}  // namespace

TEST_CASE("pairs are one region over subjects only where all but the subject is equal") {
    std::vector<LateralPair> pairs;
    for (const double difference : {.1, .3}) {
        const std::string subject = difference < .2 ? "subj01" : "subj02";
        for (int of = 0; of < 5; ++of) {
            LateralPair p = pair_of(subject, of + difference);
            if (of == 1) p.method = "untuned";
            if (of == 2) p.tap = "features.4";
            if (of == 3) p.map_setting = "window 8";
            if (of == 4) p.score.roi_class = "other";
            pairs.push_back(p);
        }
    }
    const auto groups = salience::group_pairs(pairs, 100, 0);
    REQUIRE(groups.size() == 5);
    std::set<std::string> keys;
    for (std::size_t of = 0; of < groups.size(); ++of) {
        keys.insert(groups[of].key);
        CHECK(groups[of].subjects == 2);
        CHECK(groups[of].pairs == 2);
        CHECK(groups[of].contralateral == Approx(static_cast<double>(of) + .2));
    }
    CHECK(keys.size() == 5);
    // Seeds of a subject count once.
    pairs = {pair_of("subj01", 1), pair_of("subj01", 3), pair_of("subj02", 5)};
    const auto seeds = salience::group_pairs(pairs, 100, 0);
    REQUIRE(seeds.size() == 1);
    CHECK(seeds[0].subjects == 2);
    CHECK(seeds[0].contralateral == Approx(3.5));
}
