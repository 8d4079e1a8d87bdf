// SPDX-License-Identifier: BSD-3-Clause
#include "salience/lateralization.hpp"

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/parallel.hpp"
#include "core/text.hpp"
#include "salience/laterality.hpp"
#include "salience/lateral_pairing.hpp"
#include "stats/correlation.hpp"
#include "stats/significance.hpp"

namespace cortune::salience {
namespace {

// Of a file the index of every compared picture in one band, in their order.
struct Column {
    std::vector<double> index, mirrored;  // mirrored: empty without the control
};

Column column_of(const SalienceFile& file, const std::vector<std::size_t>& rows, std::size_t band) {
    const auto& i = file.images();
    const auto value = [&](const std::vector<double>& whole, const std::vector<double>& bands, std::size_t row) {
        return band == whole_picture ? whole[row] : bands[row * band_edges.size() + band - 1];
    };
    Column out;
    for (const auto row : rows) {
        out.index.push_back(value(i.index, i.band_index, row));
        if (file.header().flip_control) out.mirrored.push_back(value(i.mirrored_index, i.mirrored_band_index, row));
    }
    return out;
}

std::vector<double> combined(double a, const std::vector<double>& x, double b, const std::vector<double>& y) {
    std::vector<double> out;
    for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) out.push_back(a * x[i] + b * y[i]);
    return out;
}

// Those where both are known.
void keep_common(std::vector<double>& a, std::vector<double>& b) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
        if (std::isfinite(a[i]) && std::isfinite(b[i])) a[kept] = a[i], b[kept] = b[i], ++kept;
    a.resize(kept), b.resize(kept);
}

void test_flips(BandTest& t, const Column& left, const Column& right) {
    double changed = 0, all = 0, r = 0;
    int sides = 0;
    for (const Column* c : {&left, &right}) {
        std::vector<double> index = c->index, mirrored = c->mirrored;
        keep_common(index, mirrored);
        for (std::size_t i = 0; i < index.size(); ++i) changed += index[i] * mirrored[i] < 0 ? 1 : 0;
        all += static_cast<double>(index.size());
        const auto n = static_cast<Eigen::Index>(index.size());
        if (n > 1) r += stats::pearson(Eigen::Map<const Eigen::VectorXd>(index.data(), n), Eigen::Map<const Eigen::VectorXd>(mirrored.data(), n)), ++sides;
    }
    t.changes_sign = all > 0 ? changed / all : std::numeric_limits<double>::quiet_NaN();
    t.flip_r = sides == 2 ? r / 2 : std::numeric_limits<double>::quiet_NaN();
}

BandTest test_band(const Column& left, const Column& right, const LateralOptions& o) {
    const auto test = [&](std::vector<double> v) {
        check_interrupt();
        return stats::mean_test(std::move(v), o.resamples, o.seed);
    };
    BandTest t;
    std::vector<double> l = left.index, r = right.index;
    keep_common(l, r);
    t.left = test(l), t.right = test(r), t.contralateral = test(combined(.5, r, -.5, l));
    t.exchange_p = stats::exchange_p(l, r, o.resamples, o.seed);
    t.mirrored = test(combined(.5, right.mirrored, -.5, left.mirrored));
    t.left_own = test(combined(.5, left.index, .5, left.mirrored)), t.right_own = test(combined(.5, right.index, .5, right.mirrored));
    test_flips(t, left, right);
    return t;
}

stats::MeanTest gain_of(const SalienceFile& tuned, const SalienceFile& untuned, std::size_t band, const LateralOptions& o) {
    const auto common = compared_pictures({&tuned, &untuned}, o.allow_seen);
    return stats::mean_test(combined(1, column_of(tuned, common.rows[0], band).index, -1, column_of(untuned, common.rows[1], band).index), o.resamples, o.seed);
}

LateralPair described(const PairedFiles& files) {
    const auto& h = files.left->header();
    LateralPair out;
    out.score = h.score;
    if (out.score.subject.empty()) out.score.subject = h.subjects;
    if (out.score.roi.empty()) out.score.roi_class = h.roi_class, out.score.roi = h.roi;
    out.score.hemisphere.clear();
    out.backbone = h.backbone, out.method = h.method, out.map_method = h.map_method, out.map_setting = h.map_setting, out.layer = h.layer, out.tap = h.tap;
    out.left_uuid = files.left->input().uuid(), out.right_uuid = files.right->input().uuid(), out.untuned_uuid = files.untuned ? files.untuned->input().uuid() : "";
    return out;
}

LateralPair test_pair(const PairedFiles& files, const LateralOptions& o) {
    LateralPair out = described(files);
    const auto common = compared_pictures({files.left, files.right}, o.allow_seen);
    out.image = common.image, out.left_out = common.left_out, out.other_class = common.other_class;
    if (out.image.size() < 2)
        throw BadInput(fmt::format("{} and {}: {} pictures to compare; {} tuned a network or fitted a score, of {} the maps are of different classes", files.left->input().path().string(), files.right->input().path().string(),
                                   out.image.size(), out.left_out, out.other_class), out.image.empty() && out.left_out == 0 && out.other_class == 0 ? "their pictures have no id in common: make both of one folder, with one --namespace" : "make both of the same pictures and classes, that tuned neither");
    out.band.resize(band_edges.size() + 1);
    parallel_for(out.band.size(), o.threads, [&](std::size_t band) {
        out.band[band] = test_band(column_of(*files.left, common.rows[0], band), column_of(*files.right, common.rows[1], band), o);
        if (files.untuned) out.band[band].left_gain = gain_of(*files.left, *files.untuned, band, o), out.band[band].right_gain = gain_of(*files.right, *files.untuned, band, o);
    });
    return out;
}

}  // namespace

std::vector<LateralGroup> group_pairs(const std::vector<LateralPair>& pairs, std::int64_t resamples, std::uint64_t seed) {
    struct Region {
        std::string label;
        std::map<std::string, std::vector<double>> effect;  // of the pairs of every subject
    };
    std::vector<std::string> order;
    std::map<std::string, Region> regions;  // by all that its pairs share
    for (const auto& p : pairs) {
        LateralPair any = p;
        any.score.subject.clear();
        const std::string key = join({any.label(), p.score.roi_class, p.score.setting, p.backbone, p.map_setting, p.tap}, "\n");
        if (!regions.contains(key)) order.push_back(key);
        regions[key].label = any.label();
        regions[key].effect[p.score.subject].push_back(p.band[whole_picture].contralateral.mean);
    }
    std::vector<LateralGroup> out;
    for (const auto& key : order) {
        std::vector<double> effect;
        std::int64_t count = 0;
        for (const auto& [subject, values] : regions[key].effect) {
            double sum = 0;
            for (const double v : values) sum += v;
            effect.push_back(sum / static_cast<double>(values.size())), count += static_cast<std::int64_t>(values.size());
        }
        const auto test = stats::mean_test(effect, resamples, seed);
        out.push_back({regions[key].label, key, effect, test.n, count, test.mean, test.n > 1 ? test.p : std::numeric_limits<double>::quiet_NaN()});
    }
    return out;
}

std::string LateralPair::label() const {
    std::string out = score.subject;
    if (!score.roi.empty()) out += (out.empty() ? "" : " ") + score.roi;
    out += ", " + score.kind + (score.of.empty() ? "" : ' ' + score.of) + (score.column < 0 ? "" : fmt::format(" column {}", score.column)) + ", " + layer + ", " + map_method;
    return method == "infonce" ? out : out + ", " + method;
}

Lateralization compare_hemispheres(const std::vector<SalienceFile>& files, const LateralOptions& options) {
    Lateralization out;
    for (const auto& pair : pair_files(files, out.unpaired)) {
        out.pairs.push_back(test_pair(pair, options));
        out.optimistic = out.optimistic || (options.allow_seen && out.pairs.back().left_out > 0);
    }
    std::vector<double> p;
    for (const auto& pair : out.pairs) p.push_back(pair.band[whole_picture].contralateral.p);
    const auto q = stats::benjamini_hochberg(p);
    for (std::size_t i = 0; i < q.size(); ++i) out.pairs[i].q = q[i];
    out.groups = group_pairs(out.pairs, options.resamples, options.seed);
    out.resamples = options.resamples;
    return out;
}

}  // namespace cortune::salience
