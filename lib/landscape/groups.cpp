// SPDX-License-Identifier: BSD-3-Clause
#include "landscape/groups.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "core/interrupt.hpp"
#include "core/random.hpp"

namespace cortune::landscape {
namespace {

using Labels = std::vector<int>;

Labels numbered(const std::vector<std::string>& label) {
    std::map<std::string, int> known;
    Labels out;
    for (const auto& l : label) out.push_back(known.emplace(l, static_cast<int>(known.size())).first->second);
    return out;
}

struct Split {
    double within = 0, between = 0, within_squares = 0, between_squares = 0;
    std::int64_t within_pairs = 0, between_pairs = 0;
    double difference() const { return between / static_cast<double>(between_pairs) - within / static_cast<double>(within_pairs); }
};

Split split_pairs(const Eigen::MatrixXd& d, const Labels& label) {
    Split s;
    for (Eigen::Index j = 0; j < d.cols(); ++j)
        for (Eigen::Index i = j + 1; i < d.rows(); ++i) {
            const bool same = label[static_cast<std::size_t>(i)] == label[static_cast<std::size_t>(j)];
            (same ? s.within : s.between) += d(i, j);
            (same ? s.within_squares : s.between_squares) += d(i, j) * d(i, j);
            ++(same ? s.within_pairs : s.between_pairs);
        }
    return s;
}

double pooled_deviation(const Split& s) {
    const auto about_mean = [](double sum, double squares, std::int64_t n) { return squares - sum * sum / static_cast<double>(n); };
    const auto freedom = s.within_pairs + s.between_pairs - 2;
    const double sum = about_mean(s.within, s.within_squares, s.within_pairs) + about_mean(s.between, s.between_squares, s.between_pairs);
    return freedom > 0 ? std::sqrt(std::max(0., sum) / static_cast<double>(freedom)) : 0;
}

// Models that share all other factors; one set of all where no such set has two labels.
std::vector<std::vector<std::size_t>> exchangeable(const std::vector<Factor>& factors, std::size_t own, bool& free) {
    std::map<std::vector<std::string>, std::vector<std::size_t>> strata;
    const auto models = factors[own].label.size();
    for (std::size_t i = 0; i < models; ++i) {
        std::vector<std::string> others;
        for (std::size_t f = 0; f < factors.size(); ++f)
            if (f != own) others.push_back(factors[f].label[i]);
        strata[others].push_back(i);
    }
    std::vector<std::vector<std::size_t>> out;
    for (const auto& [others, members] : strata) {
        std::set<std::string> labels;
        for (auto i : members) labels.insert(factors[own].label[i]);
        if (labels.size() > 1) out.push_back(members);
    }
    free = out.empty();
    if (free) {
        out.emplace_back(models);
        std::iota(out[0].begin(), out[0].end(), std::size_t{0});
    }
    return out;
}

}  // namespace

std::vector<GroupDistance> compare_groups(const Eigen::MatrixXd& distance, const std::vector<Factor>& factors, std::int64_t permutations, std::uint64_t seed) {
    std::vector<GroupDistance> out;
    for (std::size_t f = 0; f < factors.size(); ++f) {
        const Labels label = numbered(factors[f].label);
        const Split seen = split_pairs(distance, label);
        if (seen.within_pairs == 0 || seen.between_pairs == 0) continue;
        bool free = false;
        const auto sets = exchangeable(factors, f, free);
        GroupDistance g{factors[f].name, seen.within_pairs, seen.between_pairs, 0, 0, 0, 1, free ? "free" : "within others"};
        g.within = seen.within / static_cast<double>(seen.within_pairs), g.between = seen.between / static_cast<double>(seen.between_pairs);
        const double deviation = pooled_deviation(seen), observed = seen.difference();
        g.effect = deviation > 0 ? observed / deviation : 0;
        std::int64_t beyond = 0;
        for (std::int64_t p = 0; p < permutations; ++p) {
            check_interrupt();
            Rng rng(seed, mix64(f) ^ static_cast<std::uint64_t>(p));
            Labels moved = label;
            for (const auto& set : sets) {
                std::vector<int> own;
                for (auto i : set) own.push_back(label[i]);
                rng.shuffle(own);
                for (std::size_t i = 0; i < set.size(); ++i) moved[set[i]] = own[i];
            }
            // Equal arrangements must count, whatever order their sums were in.
            beyond += split_pairs(distance, moved).difference() >= observed - 1e-12 * std::abs(observed);
        }
        g.p = static_cast<double>(1 + beyond) / static_cast<double>(1 + permutations);
        out.push_back(std::move(g));
    }
    return out;
}

}  // namespace cortune::landscape
