// SPDX-License-Identifier: BSD-3-Clause
#include "salience/lateralization.hpp"

#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_map>

#include "core/error.hpp"
#include "core/text.hpp"
#include "salience/laterality.hpp"
#include "stats/correlation.hpp"
#include "stats/significance.hpp"

namespace cortune::salience {
namespace {

// Which hemisphere's region a file is of, and what has to be equal of two that are compared.
struct Side {
    std::string subject, hemisphere, roi_class, roi, target;  // target without hemisphere and region
};

// A predicted response says itself whose it is ("response lh V1v"), whatever network predicts it.
Side side_of(const SalienceHeader& h) {
    const auto words = split(h.target, ' ');
    if (words.size() == 3 && words[0] == "response") return {h.subject, words[1], h.roi_class, words[2], "response"};
    return {h.subjects, h.hemisphere, h.roi_class, h.roi, words.empty() ? "" : words[0]};
}

std::string key_of(const SalienceHeader& h) {
    const Side s = side_of(h);
    return join({s.subject, s.roi_class, s.roi, h.method, s.target, h.map_method, h.layer, h.tap}, "\n");
}

std::string score_of(const SalienceHeader& h) { return join({side_of(h).target, h.map_method, h.layer, h.tap, h.backbone}, "\n"); }

bool known(const std::string& hemisphere) { return hemisphere == "lh" || hemisphere == "rh"; }

// Of a file the index of every shared image in one band, in their order.
struct Column {
    std::vector<double> index, mirrored;  // mirrored: empty without the control
};

Column column_of(const SalienceFile& file, const std::vector<std::size_t>& at, std::size_t band) {
    const auto& i = file.images();
    const auto value = [&](const std::vector<double>& whole, const std::vector<double>& bands, std::size_t row) {
        return band == whole_picture ? whole[row] : bands[row * band_edges.size() + band - 1];
    };
    Column out;
    for (const auto row : at) {
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

std::vector<double> finite(std::vector<double> v) {
    std::erase_if(v, [](double x) { return !std::isfinite(x); });
    return v;
}

void test_flips(BandTest& t, const Column& left, const Column& right) {
    std::vector<double> index, mirrored;
    for (const Column* c : {&left, &right})
        for (std::size_t i = 0; i < c->mirrored.size(); ++i)
            if (std::isfinite(c->index[i]) && std::isfinite(c->mirrored[i])) index.push_back(c->index[i]), mirrored.push_back(c->mirrored[i]);
    t.changes_sign = t.flip_r = std::numeric_limits<double>::quiet_NaN();
    if (index.empty()) return;
    double changed = 0;
    for (std::size_t i = 0; i < index.size(); ++i) changed += index[i] * mirrored[i] < 0 ? 1 : 0;
    t.changes_sign = changed / static_cast<double>(index.size());
    const auto n = static_cast<Eigen::Index>(index.size());
    t.flip_r = stats::pearson(Eigen::Map<const Eigen::VectorXd>(index.data(), n), Eigen::Map<const Eigen::VectorXd>(mirrored.data(), n));
}

BandTest test_band(const Column& left, const Column& right, const Column& untuned, std::int64_t resamples, std::uint64_t seed) {
    const auto test = [&](std::vector<double> v) { return stats::mean_test(std::move(v), resamples, seed); };
    BandTest t{};
    t.left = test(left.index), t.right = test(right.index);
    t.contralateral = test(combined(.5, right.index, -.5, left.index));
    t.exchange_p = stats::exchange_p(finite(left.index), finite(right.index), resamples, seed);
    t.left_gain = test(combined(1, left.index, -1, untuned.index)), t.right_gain = test(combined(1, right.index, -1, untuned.index));
    t.mirrored = test(combined(.5, right.mirrored, -.5, left.mirrored));
    t.left_own = test(combined(.5, left.index, .5, left.mirrored)), t.right_own = test(combined(.5, right.index, .5, right.mirrored));
    test_flips(t, left, right);
    return t;
}

std::vector<std::size_t> rows_of(const SalienceFile& file, const std::vector<std::string>& image) {
    std::unordered_map<std::string, std::size_t> at;
    for (std::size_t i = 0; i < file.header().image.size(); ++i) at.emplace(file.header().image[i], i);
    std::vector<std::size_t> out;
    for (const auto& id : image)
        if (const auto found = at.find(id); found != at.end()) out.push_back(found->second);
    return out;
}

// Images that all files have, in the first one's order; `left_out` of them tuned one of the networks.
std::vector<std::string> shared_images(const std::vector<const SalienceFile*>& files, bool allow_tuned, std::int64_t& left_out) {
    std::vector<std::unordered_map<std::string, std::int16_t>> tuned(files.size());
    for (std::size_t f = 0; f < files.size(); ++f)
        for (std::size_t i = 0; i < files[f]->header().image.size(); ++i) tuned[f].emplace(files[f]->header().image[i], files[f]->images().tuned[i]);
    std::vector<std::string> out;
    for (const auto& id : files[0]->header().image) {
        bool everywhere = true, tuning = false;
        for (const auto& t : tuned) {
            const auto found = t.find(id);
            everywhere = everywhere && found != t.end();
            tuning = tuning || (found != t.end() && found->second != 0);
        }
        if (everywhere && tuning) ++left_out;
        if (everywhere && (allow_tuned || !tuning)) out.push_back(id);
    }
    return out;
}

LateralPair test_pair(const SalienceFile& left, const SalienceFile& right, const SalienceFile* untuned, std::int64_t resamples, bool allow_tuned, std::uint64_t seed) {
    const auto& h = left.header();
    const Side side = side_of(h);
    LateralPair out{side.subject, side.roi_class, side.roi, h.method, side.target, h.map_method, h.layer, left.input().uuid(), right.input().uuid(), untuned ? untuned->input().uuid() : "", {}, 0, {}, 0};
    std::vector<const SalienceFile*> files = {&left, &right};
    if (untuned) files.push_back(untuned);
    out.image = shared_images(files, allow_tuned, out.left_out);
    if (out.image.size() < 2)
        throw BadInput(fmt::format("{} and {}: {} images in common{}", left.input().path().string(), right.input().path().string(), out.image.size(), out.left_out > 0 ? fmt::format(", and {} that tuned a network", out.left_out) : ""),
                       "make both of the same pictures, that tuned neither");
    std::vector<std::vector<std::size_t>> rows;
    for (const auto* f : files) rows.push_back(rows_of(*f, out.image));
    for (std::size_t band = 0; band <= band_edges.size(); ++band)
        out.band.push_back(test_band(column_of(left, rows[0], band), column_of(right, rows[1], band), untuned ? column_of(*untuned, rows[2], band) : Column{}, resamples, seed));
    return out;
}

std::vector<LateralGroup> grouped(const std::vector<LateralPair>& pairs, std::int64_t resamples, std::uint64_t seed) {
    std::map<std::string, std::vector<const LateralPair*>> groups;
    for (const auto& p : pairs) groups[join({p.roi_class, p.roi, p.method, p.target, p.map_method, p.layer}, "\n")].push_back(&p);
    std::vector<LateralGroup> out;
    for (const auto& [key, members] : groups) {
        const LateralPair& first = *members[0];
        std::vector<double> effect;
        for (const auto* p : members) effect.push_back(p->band[whole_picture].contralateral.mean);
        const auto test = stats::mean_test(effect, resamples, seed);
        out.push_back({first.roi_class, first.roi, first.method, first.target, first.map_method, first.layer, test.n, test.mean, test.n > 1 ? test.p : std::numeric_limits<double>::quiet_NaN()});
    }
    return out;
}

}  // namespace

Lateralization compare_hemispheres(const std::vector<SalienceFile>& files, std::int64_t resamples, bool allow_tuned, std::uint64_t seed) {
    std::map<std::string, std::array<std::vector<const SalienceFile*>, 2>> sides;
    std::vector<std::string> order;  // of keys, as files were given
    std::map<std::string, const SalienceFile*> untuned;
    Lateralization out;
    for (const auto& f : files) {
        const auto& h = f.header();
        const Side side = side_of(h);
        if (known(side.hemisphere)) {
            if (!sides.contains(key_of(h))) order.push_back(key_of(h));
            sides[key_of(h)][side.hemisphere == "rh"].push_back(&f);
        } else if (h.roi.empty() && !untuned.emplace(score_of(h), &f).second) {
            throw BadInput(f.input().path().string() + ": a second untuned network for the same score, layer and method", "give one");
        } else if (!h.roi.empty()) {
            out.unpaired.push_back(f.input().path().string());
        }
    }
    for (const auto& key : order) {
        const auto& [left, right] = sides[key];
        for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
            if (i >= left.size() || i >= right.size()) {
                out.unpaired.push_back((i < left.size() ? left : right)[i]->input().path().string());
                continue;
            }
            const auto reference = untuned.find(score_of(left[i]->header()));
            out.pairs.push_back(test_pair(*left[i], *right[i], reference == untuned.end() ? nullptr : reference->second, resamples, allow_tuned, seed));
            out.optimistic = out.optimistic || (allow_tuned && out.pairs.back().left_out > 0);
        }
    }
    if (out.pairs.empty())
        throw BadInput("no two of the files are of the left and the right hemisphere of one region, with the same score, layer and method of maps", "salience-map of the networks tuned to lh and to rh, with the same options");
    std::vector<double> p;
    for (const auto& pair : out.pairs) p.push_back(pair.band[whole_picture].contralateral.p);
    const auto q = stats::benjamini_hochberg(p);
    for (std::size_t i = 0; i < q.size(); ++i) out.pairs[i].q = q[i];
    out.groups = grouped(out.pairs, resamples, seed);
    out.resamples = resamples;
    return out;
}

}  // namespace cortune::salience
