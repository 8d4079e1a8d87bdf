// SPDX-License-Identifier: BSD-3-Clause
#include "engine/field_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "core/error.hpp"
#include "core/interrupt.hpp"
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

// A region's well predicted voxels with the sum of their maps.
struct MappedRegion {
    ResponseReadout readout;
    std::vector<std::size_t> voxel;  // places in the readout
    Tensor coef;                     // components × voxels, float32, on the device
    Tensor sum;                      // voxels × size × size, double, CPU
};

std::vector<MappedRegion> mapped_regions(const FieldJob& job, const encode::EncodingFile& file, torch::Device device, Reporter& reporter) {
    std::vector<MappedRegion> out;
    for (auto& readout : read_readouts(file, job.roi)) {
        MappedRegion m{std::move(readout), {}, {}, {}};
        std::vector<std::int64_t> at;
        for (std::size_t v = 0; v < m.readout.column.size(); ++v)
            if (static_cast<double>(m.readout.cv_r[v]) >= job.least_r) m.voxel.push_back(v), at.push_back(static_cast<std::int64_t>(v));
        if (at.empty()) {
            reporter.info(fmt::format("{} {}: no voxel has a cross-validated r of {}; left out", m.readout.hemisphere, m.readout.roi, job.least_r));
            continue;
        }
        m.coef = m.readout.coef.index_select(1, torch::tensor(at, torch::kInt64)).to(torch::kFloat32).to(device);
        m.sum = torch::zeros({m.coef.size(1), job.map_size, job.map_size}, torch::kFloat64);
        out.push_back(std::move(m));
    }
    if (out.empty()) throw BadInput(fmt::format("{}: no voxel of these regions has a cross-validated r of {}", job.encoding.string(), job.least_r), "a lower --least-r");
    return out;
}

// The layers that the regions are predicted from, with their components on the device and their outputs of a batch.
class Readouts {
  public:
    Readouts(const std::vector<MappedRegion>& regions, torch::Device device) {
        for (const auto& r : regions) {
            const auto& layer = *r.readout.layer;
            if (layers_.try_emplace(layer.name, Layer{layer.basis.to(device), {}}).second) names_.push_back(layer.name);
        }
    }
    const std::vector<std::string>& names() const { return names_; }
    void take(const std::string& name, const Tensor& output) { layers_.at(name).output = output.flatten(1); }
    // Predicted responses, but for a constant a voxel. The read-out of a voxel is put together first: backwards it is then one row, and
    // not a product with all components.
    Tensor scores(const std::string& name, const Tensor& coef) const {
        const auto& layer = layers_.at(name);
        return torch::matmul(layer.output, torch::matmul(layer.basis, coef));
    }

  private:
    struct Layer {
        Tensor basis, output;
    };
    std::map<std::string, Layer> layers_;
    std::vector<std::string> names_;
};

constexpr std::int64_t voxels_at_once = 64;  // whose read-outs, features × voxels, are held

// One forward pass of a batch, and a backward one a voxel.
void add_batch(const nn::Backbone& backbone, Readouts& readouts, std::vector<MappedRegion>& regions, const Tensor& pictures, int map_size, const std::function<void()>& done) {
    const nn::Trace trace = nn::trace(nn::Map::gradient, [&](const Tensor& x, Tensor*) {
        backbone.traced(x, readouts.names(), [&](const std::string& name, const Tensor& value) { readouts.take(name, value); });
        return Tensor();
    }, pictures);
    for (auto& r : regions)
        for (std::int64_t v = 0; v < r.coef.size(1); v += voxels_at_once) {
            const Tensor score = readouts.scores(r.readout.layer->name, r.coef.narrow(1, v, std::min(voxels_at_once, r.coef.size(1) - v)));
            for (std::int64_t k = 0; k < score.size(1); ++k) {
                check_interrupt();
                const Tensor map = nn::map_of(nn::Map::gradient, trace, score.select(1, k), /*again=*/true).sum(0);
                r.sum.select(0, v + k).add_(torch::adaptive_avg_pool2d(map.unsqueeze(0).unsqueeze(0), {map_size, map_size}).squeeze().to(torch::kCPU, torch::kFloat64));
                done();
            }
        }
}

// Known centres fit the encoding's columns, and each is of a hemisphere that is mapped.
void check_truth(const FieldJob& job, const std::vector<MappedRegion>& regions, const FeaturePictures& pictures, const encode::EncodingFile& encoding, Reporter& reporter) {
    // Only the data that were encoded tell how many columns there are.
    const bool encoded = pictures.data() && pictures.data()->input().uuid() == encoding.header().dataset_uuid;
    if (!encoded && !job.truth.empty()) reporter.warn(fmt::format("--true-fields are taken as those of {}, whose responses are encoded; the pictures are not that data set's", encoding.header().subject));
    for (const auto& truth : job.truth) {
        std::int32_t last = -1;
        for (const auto& r : regions)
            if (r.readout.hemisphere == truth.hemisphere) last = std::max(last, *std::max_element(r.readout.column.begin(), r.readout.column.end()));
        if (last < 0) throw BadInput(fmt::format("--true-fields {}: no region of that hemisphere is mapped", truth.hemisphere), "name it as the encoding does (lh, rh or all), and do not leave it out by --hemi");
        const std::size_t rows = truth.x.size(), columns = encoded ? pictures.data()->hemisphere(truth.hemisphere).vertex.size() : rows;
        if (rows != columns || rows <= static_cast<std::size_t>(last))
            throw BadInput(fmt::format("--true-fields of {}: {} rows, and the responses have {} columns", truth.hemisphere, rows, std::max(columns, static_cast<std::size_t>(last) + 1)), "a row a column of the data set's responses");
    }
}

salience::FieldRegion finished(const FieldJob& job, const MappedRegion& m, std::int64_t images) {
    const auto& readout = m.readout;
    salience::FieldRegion out{readout.hemisphere, readout.roi_class, readout.roi, readout.layer->name, {}, {}, {}, {}, {}, {}};
    const Tensor mean = (m.sum / static_cast<double>(images)).to(torch::kFloat32).contiguous();
    if (!torch::isfinite(mean).all().item<bool>()) throw RunFailed(fmt::format("a map of {} {} has values that are not finite", readout.hemisphere, readout.roi));
    out.map.assign(mean.data_ptr<float>(), mean.data_ptr<float>() + mean.numel());
    const auto pixels = static_cast<std::size_t>(job.map_size) * static_cast<std::size_t>(job.map_size);
    const auto truth = std::find_if(job.truth.begin(), job.truth.end(), [&](const auto& t) { return t.hemisphere == readout.hemisphere; });
    for (std::size_t v = 0; v < m.voxel.size(); ++v) {
        const auto column = readout.column[m.voxel[v]];
        out.column.push_back(column), out.cv_r.push_back(readout.cv_r[m.voxel[v]]);
        out.centre.push_back(salience::field_centre(&out.map[v * pixels], job.map_size));
        if (truth != job.truth.end()) out.true_x.push_back(truth->x[static_cast<std::size_t>(column)]), out.true_y.push_back(truth->y[static_cast<std::size_t>(column)]);
    }
    return out;
}

}  // namespace

std::vector<salience::FieldScores> run_fields(const FieldJob& job, Reporter& reporter) {
    h5::check_target(job.run.output, job.run.overwrite, "fields");
    h5::Record record = job.run.record;
    const weights::Model model = weights::load_network(job.model, record);
    FeaturePictures pictures(job, job.run.threads, model, record, reporter);
    const torch::Device device = nn::choose_device(job.run.device, job.run.threads);
    nn::describe(record, device);
    const encode::EncodingFile encoding(job.encoding);
    encoding.input().register_in(record);
    const auto note = weights::network_note(model);
    check_network(encoding.header().model_sha256, note, job.encoding, job.model);
    auto regions = mapped_regions(job, encoding, device, reporter);
    check_truth(job, regions, pictures, encoding, reporter);
    Readouts readouts(regions, device);
    nn::Backbone backbone(model.backbone);
    backbone.load(model.parameters, torch::kFloat32, device);
    const auto all = static_cast<std::int64_t>(pictures.id().size()), n = job.pictures > 0 ? std::min(job.pictures, all) : all;
    std::int64_t voxels = 0, done = 0;
    for (const auto& r : regions) voxels += r.coef.size(1);
    const std::int64_t total = voxels * ((n + job.batch - 1) / job.batch);
    for (std::int64_t first = 0; first < n; first += job.batch)
        add_batch(backbone, readouts, regions, nn::normalise(pictures.read(first, std::min<std::int64_t>(job.batch, n - first)), torch::kFloat32, device), job.map_size,
                  [&] { reporter.progress("voxels × batches", ++done, total); });
    salience::FieldsHeader header;
    static_cast<weights::NetworkNote&>(header) = note;
    header.encoded_subject = encoding.header().subject, header.map_size = job.map_size, header.least_r = job.least_r, header.image.assign(pictures.id().begin(), pictures.id().begin() + n);
    for (std::int64_t i = 0; i < n; ++i) header.image_sha256.push_back(pictures.sha256(i));
    header.tuned = encode::mark_tuned(header.image, header.image_sha256, model.tuned_image, model.tuned_sha256);
    std::vector<salience::FieldRegion> found;
    for (const auto& m : regions) found.push_back(finished(job, m, n));
    const auto scores = salience::score_fields(found, static_cast<std::uint64_t>(job.run.seed));
    salience::write_fields(job.run.output, record, job.run.overwrite, header, found, scores);
    return scores;
}

}  // namespace cortune::engine
