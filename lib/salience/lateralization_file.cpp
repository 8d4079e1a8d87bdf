// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "salience/laterality.hpp"
#include "salience/lateralization.hpp"

namespace cortune::salience {
namespace {

// (pair, band), one value of each test.
void write_values(h5::Node& root, const std::vector<LateralPair>& pairs, const std::string& name, const std::string& text, double (*value)(const BandTest&)) {
    std::vector<double> out;
    for (const auto& p : pairs)
        for (const auto& b : p.band) out.push_back(value(b));
    root.put(name, {"pair", "band"}, out, {text});
}

template <stats::MeanTest BandTest::* test>
void write_test(h5::Node& root, const std::vector<LateralPair>& pairs, const std::string& name, const std::string& text) {
    write_values(root, pairs, name, text, [](const BandTest& b) { return (b.*test).mean; });
    write_values(root, pairs, name + "_low", "95 % over images", [](const BandTest& b) { return (b.*test).low; });
    write_values(root, pairs, name + "_high", "95 % over images", [](const BandTest& b) { return (b.*test).high; });
    write_values(root, pairs, name + "_p", "two-sided, signs of images", [](const BandTest& b) { return (b.*test).p; });
    write_values(root, pairs, name + "_n", "images that it is over", [](const BandTest& b) { return static_cast<double>((b.*test).n); });
}

template <class Row>
void write_texts(h5::Node& root, const std::string& axis, const std::vector<Row>& rows, const std::string& name, const std::string& text, std::string Row::* at) {
    std::vector<std::string> out;
    for (const auto& r : rows) out.push_back(r.*at);
    root.put_strings(name, {axis}, out, {text});
}

template <class Row, class T>
void write_numbers(h5::Node& root, const std::string& axis, const std::vector<Row>& rows, const std::string& name, const std::string& text, T (*value)(const Row&)) {
    std::vector<T> out;
    for (const auto& r : rows) out.push_back(value(r));
    root.put(name, {axis}, out, {text});
}

// Texts of a pair, by name.
struct PairText {
    const char *name, *about;
    std::string LateralPair::* at;
};
constexpr PairText pair_texts[] = {{"backbone", "architecture", &LateralPair::backbone}, {"method", "how the networks were tuned", &LateralPair::method},
                                   {"map_method", "how maps were made", &LateralPair::map_method}, {"map_setting", "what else they depend on", &LateralPair::map_setting},
                                   {"layer", "module of the score", &LateralPair::layer}, {"tap", "feature map of Grad-CAM", &LateralPair::tap},
                                   {"left_uuid", "salience file of the left hemisphere", &LateralPair::left_uuid}, {"right_uuid", "of the right one", &LateralPair::right_uuid},
                                   {"untuned_uuid", "of the untuned network; empty: none", &LateralPair::untuned_uuid}};
struct ScoreText {
    const char *name, *about;
    std::string Score::* at;
};
constexpr ScoreText pair_scores[] = {{"score_kind", "class, logit, response or pair", &Score::kind}, {"score_of", "of a class or logit", &Score::of}, {"subject", "whose responses tuned the networks, or are predicted", &Score::subject},
                                     {"roi_class", "class of the region", &Score::roi_class}, {"roi", "region", &Score::roi}};

void write_pairs(h5::Node& root, const std::vector<LateralPair>& pairs) {
    using P = LateralPair;
    root.index_scale("pair", pairs.size(), {"two networks, or scores, of one region"});
    for (const auto& text : pair_texts) write_texts(root, "pair", pairs, text.name, text.about, text.at);
    for (const auto& text : pair_scores) {
        std::vector<std::string> out;
        for (const auto& pair : pairs) out.push_back(pair.score.*text.at);
        root.put_strings(text.name, {"pair"}, out, {text.about});
    }
    write_numbers<P, std::int64_t>(root, "pair", pairs, "score_column", "column of a predicted response; -1: the mean over the region", [](const P& p) { return p.score.column; });
    write_numbers<P, std::int64_t>(root, "pair", pairs, "images", "compared", [](const P& p) { return static_cast<std::int64_t>(p.image.size()); });
    write_numbers<P, std::int64_t>(root, "pair", pairs, "left_out", "images that tuned a network or fitted a score", [](const P& p) { return p.left_out; });
    write_numbers<P, std::int64_t>(root, "pair", pairs, "other_class", "images whose two maps are of different classes: not compared", [](const P& p) { return p.other_class; });
    write_numbers<P, double>(root, "pair", pairs, "q", "of contralateral_p of the whole picture, over pairs (Benjamini & Hochberg)", [](const P& p) { return p.q; });
    write_test<&BandTest::left>(root, pairs, "left", "mean index of the left hemisphere's network");
    write_test<&BandTest::right>(root, pairs, "right", "mean index of the right hemisphere's network");
    write_test<&BandTest::contralateral>(root, pairs, "contralateral", "half of right minus left");
    write_values(root, pairs, "exchange_p", "of left against right, indices dealt anew", [](const BandTest& b) { return b.exchange_p; });
    write_test<&BandTest::left_gain>(root, pairs, "left_gain", "left minus untuned");
    write_test<&BandTest::right_gain>(root, pairs, "right_gain", "right minus untuned");
    write_test<&BandTest::mirrored>(root, pairs, "mirrored", "contralateral of the mirrored pictures");
    write_test<&BandTest::left_own>(root, pairs, "left_own", "half of index plus mirrored index: of the network, not of the pictures");
    write_test<&BandTest::right_own>(root, pairs, "right_own", "half of index plus mirrored index");
    write_values(root, pairs, "changes_sign", "share of images whose index changes sign as they are mirrored", [](const BandTest& b) { return b.changes_sign; });
    write_values(root, pairs, "flip_r", "correlation of index and mirrored index, mean of that of either hemisphere", [](const BandTest& b) { return b.flip_r; });
}

}  // namespace

void write_lateralization(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const Lateralization& l) {
    h5::Output file(path, "lateralization", record, overwrite);
    h5::Node& root = file.root();
    root.attr("resamples", l.resamples), root.attr("optimistic", l.optimistic ? 1 : 0);
    root.attr("optimistic_reason", l.optimistic ? "pictures that tuned a network or fitted a score are compared (left_out counts them)" : "");
    std::vector<double> edges = {0};
    edges.insert(edges.end(), band_edges.begin(), band_edges.end());
    root.scale("band", std::span<const double>(edges), {"0: the whole picture; else the outer edge of a band of eccentricity, in half sides from the centre, the last with the corners"});
    write_pairs(root, l.pairs);
    using G = LateralGroup;
    h5::Node groups = root.create_group("regions");
    groups.index_scale("region", l.groups.size(), {"a region over its subjects"});
    write_texts(groups, "region", l.groups, "label", "region, score and method of maps", &G::label);
    write_numbers<G, std::int64_t>(groups, "region", l.groups, "subjects", "over which it is", [](const G& g) { return g.subjects; });
    write_numbers<G, std::int64_t>(groups, "region", l.groups, "pairs", "of all of them", [](const G& g) { return g.pairs; });
    write_numbers<G, double>(groups, "region", l.groups, "contralateral", "mean over subjects of the mean over their pairs", [](const G& g) { return g.contralateral; });
    write_numbers<G, double>(groups, "region", l.groups, "p", "two-sided, signs of subjects; NaN of one", [](const G& g) { return g.p; });
    file.commit();
}

namespace {

// Values of a (pair, band) data set go where `at` says.
template <class At>
void read_values(const h5::Node& root, const std::string& name, std::vector<LateralPair>& pairs, At at) {
    const auto values = root.dataset(name).read<double>();
    const std::size_t bands = band_edges.size() + 1;
    if (values.size() != pairs.size() * bands) throw BadInput(fmt::format("{}/{}: expected a value a pair and band", root.where(), name), "make it again with salience-eval");
    for (std::size_t i = 0; i < pairs.size(); ++i)
        for (std::size_t b = 0; b < bands; ++b) at(pairs[i].band[b]) = values[i * bands + b];
}

void read_test(const h5::Node& root, const std::string& name, std::vector<LateralPair>& pairs, stats::MeanTest BandTest::* test) {
    read_values(root, name, pairs, [&](BandTest& b) -> double& { return (b.*test).mean; });
    read_values(root, name + "_low", pairs, [&](BandTest& b) -> double& { return (b.*test).low; });
    read_values(root, name + "_high", pairs, [&](BandTest& b) -> double& { return (b.*test).high; });
    read_values(root, name + "_p", pairs, [&](BandTest& b) -> double& { return (b.*test).p; });
    const auto n = root.dataset(name + "_n").read<std::int64_t>();
    const std::size_t bands = band_edges.size() + 1;
    for (std::size_t i = 0; i < std::min(n.size(), pairs.size() * bands); ++i) (pairs[i / bands].band[i % bands].*test).n = n[i];
}

template <class Row>
void read_texts(const h5::Node& root, const char* name, std::vector<Row>& rows, std::string Row::* at) {
    const auto values = root.dataset(name).read_strings();
    for (std::size_t i = 0; i < std::min(rows.size(), values.size()); ++i) rows[i].*at = values[i];
}

}  // namespace

Lateralization read_lateralization(const h5::Input& input) {
    const auto& root = input.root();
    Lateralization out;
    out.resamples = root.attr_int("resamples"), out.optimistic = root.attr_int("optimistic") != 0;
    out.pairs.resize(root.dataset("pair").size());
    for (auto& p : out.pairs) p.band.resize(band_edges.size() + 1);
    for (const auto& text : pair_texts) read_texts(root, text.name, out.pairs, text.at);
    for (const auto& text : pair_scores) {
        const auto values = root.dataset(text.name).read_strings();
        for (std::size_t i = 0; i < std::min(values.size(), out.pairs.size()); ++i) out.pairs[i].score.*text.at = values[i];
    }
    const auto column = root.dataset("score_column").read<std::int64_t>(), left_out = root.dataset("left_out").read<std::int64_t>();
    for (std::size_t i = 0; i < std::min({column.size(), left_out.size(), out.pairs.size()}); ++i) out.pairs[i].score.column = column[i], out.pairs[i].left_out = left_out[i];
    const auto q = root.dataset("q").read<double>();
    for (std::size_t i = 0; i < std::min(q.size(), out.pairs.size()); ++i) out.pairs[i].q = q[i];
    read_test(root, "left", out.pairs, &BandTest::left), read_test(root, "right", out.pairs, &BandTest::right), read_test(root, "contralateral", out.pairs, &BandTest::contralateral);
    read_test(root, "mirrored", out.pairs, &BandTest::mirrored), read_test(root, "left_gain", out.pairs, &BandTest::left_gain), read_test(root, "right_gain", out.pairs, &BandTest::right_gain);
    read_values(root, "changes_sign", out.pairs, [](BandTest& b) -> double& { return b.changes_sign; });
    const auto regions = root.group("regions");
    out.groups.resize(regions.dataset("region").size());
    read_texts(regions, "label", out.groups, &LateralGroup::label);
    const auto subjects = regions.dataset("subjects").read<std::int64_t>(), pairs = regions.dataset("pairs").read<std::int64_t>();
    const auto effect = regions.dataset("contralateral").read<double>(), p = regions.dataset("p").read<double>();
    for (std::size_t i = 0; i < std::min({out.groups.size(), subjects.size(), pairs.size(), effect.size(), p.size()}); ++i)
        out.groups[i].subjects = subjects[i], out.groups[i].pairs = pairs[i], out.groups[i].contralateral = effect[i], out.groups[i].p = p[i];
    return out;
}

}  // namespace cortune::salience
