// SPDX-License-Identifier: BSD-3-Clause
#include "probe/information.hpp"

#include <fmt/format.h>

#include <cmath>

#include "core/error.hpp"
#include "core/hash.hpp"
#include "datasets/split.hpp"
#include "features/features_file.hpp"
#include "linalg/gram.hpp"

namespace cortune::probe {
namespace {

Eigen::MatrixXf embeddings(const features::FeaturesFile& file, const char* name, const std::vector<std::int64_t>& rows) {
    const std::string path = std::string("embeddings/") + name;
    const auto values = file.read(path, 0, file.images());
    const Eigen::Map<const linalg::RowMatrixF> all(values.data(), file.images(), static_cast<Eigen::Index>(values.size()) / std::max<Eigen::Index>(file.images(), 1));
    if (!all.allFinite()) throw BadInput(fmt::format("{}:/{}: a value is not finite", file.input().path().string(), path));
    const Eigen::MatrixXf out = all(rows, Eigen::all);
    if ((out.rowwise().squaredNorm().array() == 0).any()) throw BadInput(fmt::format("{}:/{}: an embedding of zeros has no direction", file.input().path().string(), path));
    return out;
}

Eigen::MatrixXf pairs(const features::FeaturesFile& file, const std::vector<std::int64_t>& rows) {
    const auto image = embeddings(file, "image_z", rows), response = embeddings(file, "response_z", rows);
    if (image.cols() != response.cols())
        throw BadInput(fmt::format("{}: image_z has {} columns and response_z {}", file.input().path().string(), image.cols(), response.cols()), "keep them with one feature-extract");
    return stats::cosines(image, response);
}

void write(const InformationJob& job, const h5::Record& record, const Information& i, const features::FeaturesHeader& h) {
    h5::Output file(job.output, "information", record, job.overwrite);
    h5::Node& root = file.root();
    root.attr("subject", i.subject), root.attr("hemisphere", i.hemisphere), root.attr("roi_class", h.roi_class), root.attr("roi", i.roi), root.attr("method", i.method);
    root.attr("model_uuid", h.model_uuid), root.attr("model_sha256", h.model_sha256);
    root.attr("bound", i.bound), root.attr("bound_low", i.interval.low), root.attr("bound_high", i.interval.high), root.attr("ceiling", i.ceiling);
    root.attr("saturated", i.saturated ? 1 : 0);
    root.attr("temperature", i.temperature), root.attr("trained_temperature", i.trained_temperature), root.attr("trained_bound", i.trained_bound);
    root.attr("validation_pairs", i.validation_pairs), root.attr("left_out", i.left_out);
    root.scale("image", std::span<const std::string>(i.image), {"id of a reported picture"});
    root.put("loss", {"image"}, i.loss, {"−log softmax of its own response among all", "nat"});
    std::vector<std::int32_t> k;
    std::vector<double> bound, deviation;
    for (const auto& p : i.curve) k.push_back(static_cast<std::int32_t>(p.pairs)), bound.push_back(p.bound), deviation.push_back(p.deviation);
    h5::Node curve = root.create_group("curve");
    curve.scale("pairs", std::span<const std::int32_t>(k), {"pairs, K"});
    curve.put("bound", {"pairs"}, bound, {"mean over random subsets", "nat"});
    curve.put("deviation", {"pairs"}, deviation, {"standard deviation over them", "nat"});
    file.commit();
}

}  // namespace

Information read_information(const h5::Input& input) {
    const auto& root = input.root();
    Information out;
    out.subject = root.attr_string("subject"), out.hemisphere = root.attr_string("hemisphere"), out.roi = root.attr_string("roi"), out.method = root.attr_string("method");
    out.pairs = static_cast<std::int64_t>(root.dataset("image").size()), out.validation_pairs = root.attr_int("validation_pairs"), out.left_out = root.attr_int("left_out");
    out.temperature = root.attr_double("temperature"), out.trained_temperature = root.attr_double("trained_temperature"), out.trained_bound = root.attr_double("trained_bound");
    out.bound = root.attr_double("bound"), out.interval = {root.attr_double("bound_low"), root.attr_double("bound_high")};
    out.ceiling = root.attr_double("ceiling"), out.saturated = root.attr_int("saturated") != 0;
    return out;
}

Information measure_information(const InformationJob& job, Reporter& reporter) {
    if (!job.output.empty()) h5::check_target(job.output, job.overwrite, "information");
    h5::Record record = job.record;
    const features::FeaturesFile file(job.features);
    file.input().register_in(record);
    const auto& h = file.header();
    file.array("embeddings/image_z"), file.array("embeddings/response_z");
    Information out;
    out.subject = h.subject, out.hemisphere = h.hemisphere, out.roi = h.roi, out.method = h.method;
    std::vector<std::int64_t> validation, reported;
    const auto side_id = datasets::side_ids(h.image, h.image_sha256);  // one picture under several names is on one side
    for (std::size_t i = 0; i < h.image.size(); ++i) {
        if (h.tuned[i]) {
            ++out.left_out;
            continue;
        }
        const bool chosen = hash_unit(fmt::format("{}/temperature/{}", job.seed, side_id[i])) < job.validation_share;
        (chosen ? validation : reported).push_back(static_cast<std::int64_t>(i));
        if (!chosen) out.image.push_back(h.image[i]);
    }
    out.pairs = static_cast<std::int64_t>(reported.size()), out.validation_pairs = static_cast<std::int64_t>(validation.size());
    if (out.left_out > 0) reporter.info(fmt::format("{} images that tuned the network are left out", out.left_out));
    if (out.pairs < 2 || out.validation_pairs < 2)
        throw BadInput(fmt::format("{}: {} held-out pairs to report and {} to choose the temperature on; 2 of each are needed", job.features.string(), out.pairs, out.validation_pairs),
                       "keep embeddings of images that did not tune the network: feature-extract --embeddings --split test");

    const auto similarity = pairs(file, reported);
    out.trained_temperature = h.temperature > 0 ? h.temperature : 1;
    std::vector<double> candidates;
    for (std::int64_t i = 0; i < job.temperatures; ++i)
        candidates.push_back(out.trained_temperature * std::pow(10., job.temperatures == 1 ? 0 : -2 + 4. * static_cast<double>(i) / static_cast<double>(job.temperatures - 1)));
    out.temperature = stats::best_temperature(pairs(file, validation), candidates);
    if (job.temperatures > 1 && (out.temperature == candidates.front() || out.temperature == candidates.back()))
        reporter.warn(fmt::format("the temperature {:.3g} is the last one tried: the best may lie beyond", out.temperature));
    out.trained_bound = stats::info_nce_bound(similarity, out.trained_temperature);
    out.loss = stats::info_nce_losses(similarity, out.temperature);
    out.bound = stats::info_nce_bound(similarity, out.temperature);
    out.interval = stats::bound_interval(similarity, out.temperature, job.bootstraps, static_cast<std::uint64_t>(job.seed));
    out.ceiling = std::log(static_cast<double>(out.pairs));
    out.saturated = out.bound > .9 * out.ceiling;
    out.curve = stats::bound_curve(similarity, out.temperature, job.subsets, static_cast<std::uint64_t>(job.seed));
    if (!job.output.empty()) write(job, record, out, h);
    return out;
}

}  // namespace cortune::probe
