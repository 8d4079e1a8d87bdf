// SPDX-License-Identifier: BSD-3-Clause
#include "probe/probe_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/hash.hpp"
#include "core/text.hpp"
#include "datasets/split.hpp"
#include "features/features_file.hpp"
#include "linalg/threads.hpp"
#include "probe/labels.hpp"

namespace cortune::probe {
namespace {

using linalg::RowMatrixF;

// Rows of the features file on either side, ascending.
struct Sides {
    std::vector<std::int64_t> train, test;
};

// One picture under several names is on one side.
Sides sides_of(const std::vector<std::string>& id, const ProbeJob& job) {
    Sides out;
    for (std::size_t i = 0; i < id.size(); ++i) {
        const bool test = datasets::split_of(id[i], job.split_seed, job.test_share) == datasets::Split::test;
        (test ? out.test : out.train).push_back(static_cast<std::int64_t>(i));
    }
    if (out.train.empty() || out.test.empty())
        throw BadInput(fmt::format("{} pictures train and {} test: too few for a probe", out.train.size(), out.test.size()), "more pictures, or another --test-share");
    return out;
}

template <class T>
std::vector<T> taken(const std::vector<T>& from, const std::vector<std::int64_t>& rows) {
    std::vector<T> out;
    for (auto r : rows) out.push_back(from[static_cast<std::size_t>(r)]);
    return out;
}

// An intercept without pictures of its class would fall for ever.
void check_classes(const Labels& labels, const std::vector<std::int32_t>& train) {
    std::vector<std::int64_t> count(labels.name.size(), 0);
    for (auto l : train) ++count[static_cast<std::size_t>(l)];
    std::vector<std::string> without;
    for (std::size_t c = 0; c < count.size(); ++c)
        if (count[c] == 0) without.push_back(labels.name[c]);
    if (without.empty()) return;
    const auto n = without.size();
    if (n > 5) without.resize(5), without.emplace_back("…");
    throw BadInput(fmt::format("{} of {} classes have no training pictures: {}", n, labels.name.size(), join(without)), "a smaller --test-share, another --split-seed, or fewer classes");
}

std::string layer_of(const features::FeaturesFile& file, const std::string& asked) {
    if (!asked.empty()) return file.array("features/" + asked), asked;
    const auto known = file.layers();
    if (known.size() != 1)
        throw BadInput(fmt::format("{}: it has {}", file.input().path().string(), known.empty() ? "no layers" : "the layers " + join(known)),
                       known.empty() ? "feature-extract --layers keeps some" : "--layer names one of them");
    return known[0];
}

// The pictures' features on either side; a column a unit.
std::pair<RowMatrixF, RowMatrixF> read_layer(const features::FeaturesFile& file, const std::string& layer, const Sides& sides) {
    const std::string path = "features/" + layer;
    const auto images = file.images();
    const auto width = static_cast<Eigen::Index>(file.array(path).size() / static_cast<std::uint64_t>(images));
    RowMatrixF train(static_cast<Eigen::Index>(sides.train.size()), width), test(static_cast<Eigen::Index>(sides.test.size()), width);
    std::size_t trains = 0, tests = 0;
    constexpr std::int64_t block = 1024;
    for (std::int64_t first = 0; first < images; first += block) {
        const auto count = std::min(block, images - first);
        const auto values = file.read(path, first, count);
        const Eigen::Map<const RowMatrixF> x(values.data(), count, width);
        if (!x.allFinite()) throw BadInput(fmt::format("{}:/{}: a value is not finite", file.input().path().string(), path));
        for (std::int64_t i = 0; i < count; ++i) {
            const bool trained = trains < sides.train.size() && sides.train[trains] == first + i;
            (trained ? train.row(static_cast<Eigen::Index>(trains++)) : test.row(static_cast<Eigen::Index>(tests++))) = x.row(i);
        }
    }
    return {std::move(train), std::move(test)};
}

RowMatrixF rows_of(const RowMatrixF& x, const std::vector<std::int64_t>& rows) {
    RowMatrixF out(static_cast<Eigen::Index>(rows.size()), x.cols());
    for (std::size_t i = 0; i < rows.size(); ++i) out.row(static_cast<Eigen::Index>(i)) = x.row(rows[i]);
    return out;
}

// Over rows, in double.
Standardiser standardiser_of(const RowMatrixF& x) {
    Eigen::RowVectorXd sum = Eigen::RowVectorXd::Zero(x.cols()), squares = sum;
    for (Eigen::Index i = 0; i < x.rows(); ++i) sum += x.row(i).cast<double>();
    sum /= static_cast<double>(x.rows());
    for (Eigen::Index i = 0; i < x.rows(); ++i) squares += (x.row(i).cast<double>() - sum).cwiseAbs2();
    Standardiser out{sum.cast<float>(), (squares / static_cast<double>(x.rows())).cwiseSqrt().cast<float>()};
    out.scale = (out.scale.array() > 1e-12f).select(out.scale, 1.f);
    return out;
}

void apply(const Standardiser& s, RowMatrixF& x) {
    for (Eigen::Index i = 0; i < x.rows(); ++i) x.row(i) = ((x.row(i) - s.mean).array() / s.scale.array()).matrix();
}

// Mean log-loss of held-out folds for every C, ascending; a fit starts from that of the C before.
std::vector<double> cross_validate(const RowMatrixF& x, const std::vector<std::int32_t>& label, const std::vector<std::string>& id, std::int64_t classes,
                                   const std::vector<double>& grid, const ProbeJob& job, Reporter& reporter) {
    std::vector<double> loss(grid.size(), 0);
    for (int fold = 0; fold < job.folds; ++fold) {
        std::vector<std::int64_t> fit_rows, held;
        for (std::size_t i = 0; i < id.size(); ++i)
            (datasets::fold_of(id[i], job.split_seed, job.folds) == fold ? held : fit_rows).push_back(static_cast<std::int64_t>(i));
        if (held.empty() || fit_rows.empty()) throw BadInput(fmt::format("fold {} of {} is empty", fold + 1, job.folds), "fewer --folds");
        const RowMatrixF inside = rows_of(x, fit_rows), outside = rows_of(x, held);
        LogisticFit fit;
        for (std::size_t c = 0; c < grid.size(); ++c) {
            LogisticOptions o = job.solver;
            o.c = grid[c];
            fit = fit_logistic(inside, taken(label, fit_rows), classes, o, c == 0 ? nullptr : &fit);
            const Scores s = score(probabilities(fit, outside), taken(label, held), 0, 0);
            loss[c] += s.log_loss / job.folds;
            reporter.progress("cross-validation", fold * static_cast<std::int64_t>(grid.size()) + static_cast<std::int64_t>(c) + 1, job.folds * static_cast<std::int64_t>(grid.size()));
        }
    }
    return loss;
}

ProbeHeader header_of(const features::FeaturesHeader& f, const std::string& layer, const Labels& labels, const ProbeJob& job) {
    ProbeHeader h;
    static_cast<weights::NetworkNote&>(h) = f;
    h.fit = f.fit, h.pool = f.pool, h.pca_split = f.pca_split, h.layer = layer, h.labels = labels.source, h.classes = labels.name;
    h.test_share = job.test_share, h.split_seed = job.split_seed;
    return h;
}

// Whether the scored images had a part in what they are scored with.
void judge(ProbeHeader& h, const features::FeaturesHeader& f, const std::vector<std::int64_t>& test, Reporter& reporter) {
    std::int64_t tuned = 0, fitted = 0;
    for (auto r : test) {
        tuned += f.tuned[static_cast<std::size_t>(r)];
        fitted += f.pca_split == "all" || (f.pca_split == "train" && f.split.at(static_cast<std::size_t>(r)) == "train");
    }
    std::vector<std::string> reasons;
    if (tuned > 0) reasons.push_back(fmt::format("{} of {} scored images tuned the network", tuned, test.size()));
    if (fitted > 0) reasons.push_back(fmt::format("principal components were fitted on {} of {} scored images", fitted, test.size()));
    h.optimistic = !reasons.empty();
    h.optimistic_reason = join(reasons, "; ");
    if (h.optimistic) reporter.warn("the scores are optimistic: " + h.optimistic_reason);
}

// What a difference from the reference may be of, besides the network.
void warn_of_reference(const ProbeHeader& own, const ProbeHeader& r, const std::string& file, Reporter& reporter) {
    if (r.optimistic) reporter.warn(fmt::format("{}: the reference's scores are optimistic: {}", file, r.optimistic_reason));
    const auto differ = [&](const char* what, const auto& a, const auto& b) {
        if (a != b) reporter.warn(fmt::format("{}: the reference's {} is {}, here it is {}", file, what, b, a));
    };
    differ("layer", own.layer, r.layer), differ("fit of pictures", own.fit, r.fit), differ("number of training images", own.train_images, r.train_images);
}

}  // namespace

ProbeResult run_probe(const ProbeJob& job, Reporter& reporter) {
    h5::check_target(job.output, job.overwrite, "probe");
    const linalg::BlasThreads blas(job.solver.threads);
    h5::Record record = job.record;
    const features::FeaturesFile file(job.features);
    file.input().register_in(record);
    if (!job.labels.empty()) record.add_input(job.labels, sha256_file(job.labels));
    const std::string layer = layer_of(file, job.layer);
    const auto& images = file.header();
    const Labels labels = label_pictures(images.image, job.labels);
    const auto side_id = datasets::side_ids(images.image, images.image_sha256);
    const Sides sides = sides_of(side_id, job);
    const auto train_label = taken(labels.label, sides.train);
    check_classes(labels, train_label);

    ProbeResult out;
    ProbeHeader& h = out.header;
    h = header_of(images, layer, labels, job);
    h.train_images = static_cast<std::int64_t>(sides.train.size());
    h.image = taken(images.image, sides.test), h.image_sha256 = taken(images.image_sha256, sides.test), h.label = taken(labels.label, sides.test);
    h.fitted_image = taken(images.image, sides.train), h.fitted_sha256 = taken(images.image_sha256, sides.train);
    judge(h, images, sides.test, reporter);
    std::optional<ProbeFile> reference;
    if (!job.reference.empty()) {
        reference.emplace(job.reference);
        reference->input().register_in(record);
        check_same_test(reference->header(), job.reference.string(), h, job.features.string());
        warn_of_reference(h, reference->header(), job.reference.string(), reporter);
    }

    const auto classes = static_cast<std::int64_t>(labels.name.size());
    auto [train, test] = read_layer(file, layer, sides);
    const Standardiser standard = standardiser_of(train);
    apply(standard, train), apply(standard, test);
    auto grid = job.c;
    std::sort(grid.begin(), grid.end());
    h.c = grid[0];
    if (grid.size() > 1) {
        h.c_grid = grid;
        h.cv_log_loss = cross_validate(train, train_label, taken(side_id, sides.train), classes, grid, job, reporter);
        h.c = grid[static_cast<std::size_t>(std::min_element(h.cv_log_loss.begin(), h.cv_log_loss.end()) - h.cv_log_loss.begin())];
    }
    LogisticOptions solver = job.solver;
    solver.c = h.c;
    const LogisticFit fit = fit_logistic(train, train_label, classes, solver);
    if (!fit.converged) reporter.warn(fmt::format("the classifier has not converged in {} iterations", fit.iterations));
    out.iterations = fit.iterations;
    const RowMatrixF p = probabilities(fit, test);
    out.scores = score(p, h.label, job.bootstraps, static_cast<std::uint64_t>(job.seed));
    if (reference) {
        const Scores s = score(reference->probability(0, reference->images()), h.label, 0, 0);
        out.reference_top1 = s.top1;
        out.comparison = compare(out.scores.right, s.right, job.bootstraps, static_cast<std::uint64_t>(job.seed));
        out.comparison->reference = weights::network_label(reference->header());
    }
    write_probe(job.output, record, job.overwrite, h, standard, fit, p, out.scores, out.comparison ? &*out.comparison : nullptr);
    return out;
}

}  // namespace cortune::probe
