// SPDX-License-Identifier: BSD-3-Clause
#include "engine/feature_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.hpp"
#include "core/hash.hpp"
#include "core/text.hpp"
#include "encode/encoding_file.hpp"
#include "engine/encode_fit.hpp"
#include "engine/feature_network.hpp"
#include "engine/feature_parts.hpp"
#include "engine/inputs.hpp"
#include "linalg/kernel_pca.hpp"
#include "nn/device.hpp"
#include "nn/feature_store.hpp"

namespace cortune::engine {
namespace {

using features::FeatureArray;
using features::FeaturesHeader;
using features::FeaturesWriter;

FeaturesHeader header_of(const FeatureJob& job, const weights::Model& model, const FeaturePictures& pictures) {
    FeaturesHeader h;
    static_cast<weights::NetworkNote&>(h) = weights::network_note(model);
    h.image_size = model.image_size;
    h.fit = job.fit;
    h.pool = job.pool;
    h.image = pictures.id();
    h.split = pictures.split();
    if (const auto* data = pictures.data()) h.subject = data->header().subject, h.dataset_uuid = data->input().uuid();
    if (model.tuned() && model.method != "mse") h.temperature = nlohmann::json::parse(model.options).value("temperature", 0.);
    return h;
}

// Of pictures [first, first + count).
FeaturesHeader part_of(const FeaturesHeader& all, std::int64_t first, std::int64_t count) {
    FeaturesHeader h = all;
    const auto cut = [&](auto& v) {
        if (!v.empty()) v = {v.begin() + first, v.begin() + first + count};
    };
    cut(h.image), cut(h.split);
    return h;
}

// Everything that the numbers depend on.
std::string identity(const FeatureJob& job, const FeaturesHeader& h, const weights::Model& model, const FeaturePictures& pictures, const std::vector<FeatureArray>& arrays) {
    nlohmann::json j = {{"heads", weights::parameters_sha256(model.heads)}, {"hemisphere", model.hemisphere}, {"roi_class", model.roi_class}, {"roi", model.roi}, {"columns", model.column},
                        {"device", job.run.device}, {"model", h.model_sha256}, {"size", h.image_size}, {"content", pictures.content()}, {"image", h.image},
                        {"fit", job.fit},          {"pool", job.pool},     {"every", job.checkpoint_every}};
    for (const auto& a : arrays) j["arrays"].push_back({a.group, a.name, a.width()});
    return sha256_hex(j.dump());
}

// One pass over the pictures, or what is missing of it, with its parts on disk.
struct Pass {
    const FeatureJob& job;
    const h5::Record& record;
    const FeaturesHeader& header;
    const weights::Model& model;
    FeaturePictures& pictures;
    FeatureNetwork& network;
    std::vector<std::string> sha256;  // of the pictures, in the end

    void whole(const ArraySink& sink, Reporter& reporter) {
        const auto n = static_cast<std::int64_t>(header.image.size());
        network.run(pictures, 0, n, sink, reporter);
        for (std::int64_t i = 0; i < n; ++i) sha256.push_back(pictures.sha256(i));
    }

    void in_parts(const FeatureParts& parts, const ArraySink& sink, Reporter& reporter) {
        const auto n = static_cast<std::int64_t>(header.image.size());
        const auto count_at = [&](std::int64_t first) { return std::min(job.checkpoint_every, n - first); };
        std::int64_t kept = 0;
        for (std::int64_t first = 0; first < n; first += job.checkpoint_every) {
            if (parts.has(first)) kept += count_at(first);
            else make_part(parts, first, count_at(first), reporter);
            reporter.progress("part", first + count_at(first), n);
        }
        if (kept > 0) reporter.info(fmt::format("{} of {} images come from the parts of an earlier run", kept, n));
        for (std::int64_t first = 0; first < n; first += job.checkpoint_every) copy_part(parts, first, count_at(first), sink);
    }

    void make_part(const FeatureParts& parts, std::int64_t first, std::int64_t count, Reporter& reporter) const {
        const FeaturesHeader part = part_of(header, first, count);
        FeaturesWriter writer(parts.path(first), record, false, part, network.arrays(), false);
        writer.root().attr("part_of", parts.identity());
        network.run(pictures, first, count, [&](std::size_t array, std::int64_t at, std::int64_t rows, const float* values) {
            writer.write(array, at - first, rows, values);
        }, reporter);
        std::vector<std::string> hashes;
        for (std::int64_t i = first; i < first + count; ++i) hashes.push_back(pictures.sha256(i));
        write_images(writer, part.image, hashes);
        writer.commit();
    }

    void copy_part(const FeatureParts& parts, std::int64_t first, std::int64_t count, const ArraySink& sink) {
        const features::FeaturesFile file(parts.path(first));
        file.input().verify();
        sha256.insert(sha256.end(), file.header().image_sha256.begin(), file.header().image_sha256.end());
        for (std::size_t a = 0; a < network.arrays().size(); ++a) {
            const std::string path = network.arrays()[a].group + '/' + network.arrays()[a].name;
            for (std::int64_t at = 0; at < count; at += job.batch) {
                const auto rows = std::min<std::int64_t>(job.batch, count - at);
                sink(a, first + at, rows, file.read(path, at, rows).data());
            }
        }
    }

    // What is learned of pictures on the way.
    void write_images(FeaturesWriter& writer, const std::vector<std::string>& id, const std::vector<std::string>& hashes) const {
        writer.write_images(hashes, encode::mark_tuned(id, hashes, model.tuned_image, model.tuned_sha256));
    }

    void run(const FeatureParts* parts, const ArraySink& sink, Reporter& reporter) {
        parts ? in_parts(*parts, sink, reporter) : whole(sink, reporter);
    }
};

struct LayerComponents {
    Eigen::MatrixXf scores;         // images × k
    std::vector<double> explained;  // share of the fitted images' variance
};

// Principal components of a layer, fitted on the images `fit`: k, or the rank where that is less. Signs as
// scikit-learn's: of each component's scores of the fitted images the largest is positive.
LayerComponents layer_components(const nn::FeatureStore& store, std::size_t layer, const std::vector<std::int64_t>& fit, std::int64_t k) {
    const Eigen::MatrixXd gram = layer_gram(store, layer);
    linalg::KernelPca pca = linalg::kernel_pca(gram, fit, k, store.width(layer), linalg::PcaMode::automatic);
    std::vector<std::int64_t> all(static_cast<std::size_t>(store.images()));
    std::iota(all.begin(), all.end(), 0);
    for (Eigen::Index c = 0; c < pca.vectors.cols(); ++c) {
        Eigen::Index at = 0;
        pca.vectors.col(c).cwiseAbs().maxCoeff(&at);
        if (pca.vectors(at, c) < 0) pca.vectors.col(c) *= -1;
    }
    const Eigen::MatrixXd cross = linalg::centred_cross(gram, all, fit);
    if (pca.values.size() == 0) throw BadInput(fmt::format("{} images that do not differ in a layer have no principal components", fit.size()), "more images, or no --pca");
    LayerComponents out;
    out.scores = (cross * (pca.vectors * pca.values.cwiseSqrt().cwiseInverse().asDiagonal())).cast<float>();
    double total = 0;
    for (std::size_t i = 0; i < fit.size(); ++i) total += cross(fit[i], static_cast<Eigen::Index>(i));
    for (double v : pca.values) out.explained.push_back(v / total);
    return out;
}

// The training images, where there is a split: components that saw the others would flatter what is fitted on them.
std::vector<std::int64_t> images_to_fit(const FeaturesHeader& h) {
    std::vector<std::int64_t> out;
    const bool split = std::find(h.split.begin(), h.split.end(), "train") != h.split.end();
    for (std::size_t i = 0; i < h.image.size(); ++i)
        if (!split || h.split[i] == "train") out.push_back(static_cast<std::int64_t>(i));
    return out;
}

// --pca: the pass goes to a store, and what is written are components.
void write_components(const FeatureJob& job, Pass& pass, const FeatureParts* parts, Reporter& reporter) {
    auto arrays = pass.network.arrays();
    const auto n = static_cast<std::int64_t>(pass.header.image.size());
    std::vector<std::int64_t> widths;
    std::uint64_t bytes = 0;
    for (std::size_t a = 0; a < pass.network.layers(); ++a) widths.push_back(arrays[a].width()), bytes += sizeof(float) * static_cast<std::uint64_t>(n * widths[a]);
    const auto budget = memory_budget(job.memory), square = 4 * sizeof(double) * static_cast<std::uint64_t>(n) * static_cast<std::uint64_t>(n);
    if (square > budget)
        throw ResourceError(fmt::format("--pca of {} images needs {} for images × images numbers, and --memory is {}", n, format_bytes(static_cast<double>(square)), format_bytes(static_cast<double>(budget))),
                            "more --memory, fewer images (--split), or --pool mean in place of components");
    nn::FeatureStore store(n, widths, bytes <= budget - square ? bytes : 0, job.scratch);
    std::vector<std::vector<float>> embeddings(arrays.size());
    pass.run(parts, [&](std::size_t a, std::int64_t first, std::int64_t count, const float* values) {
        if (a < widths.size()) store.write(a, first, count, values);
        else embeddings[a].insert(embeddings[a].end(), values, values + count * arrays[a].width());
    }, reporter);

    const auto fit = images_to_fit(pass.header);
    std::vector<LayerComponents> components;
    for (std::size_t a = 0; a < widths.size(); ++a) {
        components.push_back(layer_components(store, a, fit, job.components));
        if (components[a].scores.cols() < job.components)
            reporter.info(fmt::format("{}: {} components in place of {}: the fitted images have no more", arrays[a].name, components[a].scores.cols(), job.components));
        arrays[a].axes = {{arrays[a].name + "_component", components[a].scores.cols()}};
        arrays[a].long_name = "principal components of " + arrays[a].name;
        reporter.progress("principal components", static_cast<std::int64_t>(a) + 1, static_cast<std::int64_t>(widths.size()));
    }
    FeaturesWriter writer(job.run.output, pass.record, job.run.overwrite, pass.header, arrays, job.half);
    writer.root().attr("pca_images", static_cast<std::int64_t>(fit.size()));
    writer.root().attr("pca_split", fit.size() < pass.header.image.size() ? "train" : "all");
    for (std::size_t a = 0; a < widths.size(); ++a) {
        const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = components[a].scores;
        writer.write(a, 0, n, rows.data());
        writer.root().group("features").put(arrays[a].name + "_explained", {arrays[a].axes[0].first}, components[a].explained, {"share of the fitted images' variance"});
    }
    for (std::size_t a = widths.size(); a < arrays.size(); ++a) writer.write(a, 0, n, embeddings[a].data());
    pass.write_images(writer, pass.header.image, pass.sha256);
    writer.commit();
}

void write_layers(const FeatureJob& job, Pass& pass, const FeatureParts* parts, Reporter& reporter) {
    FeaturesWriter writer(job.run.output, pass.record, job.run.overwrite, pass.header, pass.network.arrays(), job.half);
    pass.run(parts, [&](std::size_t a, std::int64_t first, std::int64_t count, const float* values) { writer.write(a, first, count, values); }, reporter);
    pass.write_images(writer, pass.header.image, pass.sha256);
    writer.commit();
}

}  // namespace

void run_features(const FeatureJob& job, Reporter& reporter) {
    h5::check_target(job.run.output, job.run.overwrite, "features");
    h5::Record record = job.run.record;
    const weights::Model model = weights::load_network(job.model, record);
    FeaturePictures pictures(job, job.run.threads, model, record, reporter);
    const torch::Device device = nn::choose_device(job.run.device, job.run.threads);
    nn::describe(record, device);
    FeatureNetwork network(job, model, pictures, device);
    const FeaturesHeader header = header_of(job, model, pictures);
    Pass pass{job, record, header, model, pictures, network, {}};
    std::optional<FeatureParts> parts;
    if (!job.checkpoint.empty()) parts.emplace(job, identity(job, header, model, pictures, network.arrays()));
    if (job.components > 0) write_components(job, pass, parts ? &*parts : nullptr, reporter);
    else write_layers(job, pass, parts ? &*parts : nullptr, reporter);
    if (parts) parts->remove();
    if (const auto seen = encode::count_tuned(header.image, pass.sha256, model.tuned_image, model.tuned_sha256); seen > 0)
        reporter.info(fmt::format("{} of {} images tuned the network: /tuned marks them", seen, header.image.size()));
}

}  // namespace cortune::engine
