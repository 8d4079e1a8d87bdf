// SPDX-License-Identifier: BSD-3-Clause
#include "engine/field_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/text.hpp"
#include "engine/feature_pictures.hpp"
#include "engine/response_readout.hpp"
#include "nn/backbone.hpp"
#include "nn/device.hpp"
#include "nn/preprocess.hpp"
#include "nn/salience.hpp"
#include "salience/fields_file.hpp"

namespace cortune::engine {
namespace {

using torch::Tensor;

// A region with its readout on the device and the sum of its voxels' maps.
struct MappedRegion {
    ResponseReadout readout;
    Tensor direction;  // features × V, float32
    Tensor sum;        // V × size × size, double, CPU
};

std::vector<MappedRegion> mapped_regions(const FieldJob& job, const encode::EncodingFile& file, torch::Device device) {
    std::vector<MappedRegion> out;
    std::vector<std::string> known;
    for (const auto& path : file.roi_paths()) {
        const auto encoded = file.read(path);
        const RoiChoice own{encoded.hemisphere, encoded.roi_class, encoded.roi};
        known.push_back(own.hemisphere + ' ' + own.roi);
        const auto fits = [](const std::string& wanted, const std::string& is) { return wanted.empty() || wanted == is; };
        if (!fits(job.roi.hemisphere, own.hemisphere) || !fits(job.roi.roi_class, own.roi_class) || !fits(job.roi.roi, own.roi)) continue;
        MappedRegion region{read_readout(file, own), {}, {}};
        region.direction = region.readout.direction.to(torch::kFloat32).to(device);
        region.sum = torch::zeros({region.direction.size(1), job.map_size, job.map_size}, torch::kFloat64);
        out.push_back(std::move(region));
    }
    if (out.empty()) throw BadInput(fmt::format("{}: no such region; it has {}", job.encoding.string(), join(known)), "--hemi, --roi-class and --roi choose among them");
    return out;
}

// One forward pass of a batch, and a backward one a voxel.
void add_batch(const nn::Backbone& backbone, std::vector<MappedRegion>& regions, const Tensor& pictures, int map_size) {
    std::vector<std::string> layers;
    for (const auto& r : regions) layers.push_back(r.readout.layer);
    std::sort(layers.begin(), layers.end());
    layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
    std::map<std::string, Tensor> output;
    const nn::Trace trace = nn::trace(nn::Map::gradient, [&](const Tensor& x, Tensor*) {
        backbone.traced(x, layers, [&](const std::string& name, const Tensor& value) { output[name] = value.flatten(1); });
        return Tensor();
    }, pictures);
    for (auto& r : regions) {
        const Tensor score = torch::matmul(output.at(r.readout.layer), r.direction);
        for (std::int64_t v = 0; v < score.size(1); ++v) {
            check_interrupt();
            const Tensor map = nn::map_of(nn::Map::gradient, trace, score.select(1, v), /*again=*/true).sum(0);
            r.sum.select(0, v).add_(torch::adaptive_avg_pool2d(map.unsqueeze(0).unsqueeze(0), {map_size, map_size}).squeeze().to(torch::kCPU, torch::kFloat64));
        }
    }
}

salience::FieldRegion finished(const FieldJob& job, const MappedRegion& m, std::int64_t images) {
    const auto& readout = m.readout;
    salience::FieldRegion out{readout.hemisphere, readout.roi_class, readout.roi, readout.layer, readout.column, readout.cv_r, {}, {}, {}, {}};
    const Tensor mean = (m.sum / static_cast<double>(images)).to(torch::kFloat32).contiguous();
    if (!torch::isfinite(mean).all().item<bool>()) throw RunFailed("a map has values that are not finite");
    out.map.assign(mean.data_ptr<float>(), mean.data_ptr<float>() + mean.numel());
    const auto pixels = static_cast<std::size_t>(job.map_size) * static_cast<std::size_t>(job.map_size);
    for (std::size_t v = 0; v < readout.column.size(); ++v) out.centre.push_back(salience::field_centre(&out.map[v * pixels], job.map_size));
    const auto truth = std::find_if(job.truth.begin(), job.truth.end(), [&](const auto& t) { return t.hemisphere == readout.hemisphere; });
    if (truth == job.truth.end()) return out;
    for (const auto column : readout.column) {
        const auto at = static_cast<std::size_t>(column);
        if (at >= truth->x.size())
            throw BadInput(fmt::format("--true-fields of {}: {} rows, and the encoding has column {}", readout.hemisphere, truth->x.size(), column), "a row a column of the data set's responses");
        out.true_x.push_back(truth->x[at]), out.true_y.push_back(truth->y[at]);
    }
    return out;
}

}  // namespace

std::vector<salience::FieldScores> run_fields(const FieldJob& job, Reporter& reporter) {
    h5::check_target(job.run.output, job.run.overwrite, "fields");
    h5::Record record = job.run.record;
    const weights::Model model = weights::load_network(job.model, record);
    FeaturePictures pictures(job, job.run.threads, model, record);
    const torch::Device device = nn::choose_device(job.run.device, job.run.threads);
    nn::describe(record, device);
    const encode::EncodingFile encoding(job.encoding);
    encoding.input().register_in(record);
    check_network(encoding.header().model_sha256, model, job.encoding, job.model);
    auto regions = mapped_regions(job, encoding, device);
    nn::Backbone backbone(model.backbone);
    backbone.load(model.parameters, torch::kFloat32, device);
    const auto n = static_cast<std::int64_t>(pictures.id().size());
    for (std::int64_t first = 0; first < n; first += job.batch) {
        const auto count = std::min<std::int64_t>(job.batch, n - first);
        add_batch(backbone, regions, nn::normalise(pictures.read(first, count), torch::kFloat32, device), job.map_size);
        reporter.progress("images", first + count, n);
    }
    salience::FieldsHeader header;
    static_cast<weights::NetworkNote&>(header) = weights::network_note(model);
    header.map_size = job.map_size, header.least_r = job.least_r, header.image = pictures.id();
    for (std::int64_t i = 0; i < n; ++i) header.image_sha256.push_back(pictures.sha256(i));
    header.tuned = encode::mark_tuned(header.image, header.image_sha256, model.tuned_image, model.tuned_sha256);
    std::vector<salience::FieldRegion> found;
    for (const auto& m : regions) found.push_back(finished(job, m, n));
    const auto scores = salience::score_fields(found, job.least_r, static_cast<std::uint64_t>(job.run.seed));
    salience::write_fields(job.run.output, record, job.run.overwrite, header, found, scores);
    return scores;
}

}  // namespace cortune::engine
