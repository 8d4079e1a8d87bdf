// SPDX-License-Identifier: BSD-3-Clause
#include "engine/salience_job.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/output_file.hpp"
#include "encode/encoding_file.hpp"
#include "engine/salience_checks.hpp"
#include "engine/salience_network.hpp"
#include "nn/device.hpp"
#include "report/overlay.hpp"
#include "salience/laterality.hpp"
#include "salience/salience_file.hpp"

namespace cortune::engine {
namespace {

using torch::Tensor;

// A file a picture: 0001.<name>.png. The folder is new or empty, so that no older map stands beside these.
void write_overlays(const SalienceJob& job, const Tensor& pixels, const Tensor& maps, const FeaturePictures& pictures, const SalienceTarget& target, std::int64_t first) {
    for (std::int64_t i = 0; i < maps.size(0); ++i) {
        const auto at = static_cast<std::size_t>(first + i);
        std::string name = pictures.id()[at].substr(pictures.id()[at].find(':') + 1);
        const std::string title = name + (target.chosen().empty() ? "" : ": " + target.chosen()[at]);
        std::replace(name.begin(), name.end(), '/', '_');
        if (const auto dot = name.rfind('.'); dot != std::string::npos && dot > 0) name.resize(dot);
        const Tensor own = pixels[i].contiguous();
        const auto png = report::overlay_png(own.data_ptr<std::uint8_t>(), maps[i].data_ptr<float>(), maps.size(1), title);
        write_bytes(job.overlays / fmt::format("{:05}.{}.png", first + i + 1, name), {png}, {.overwrite = job.run.overwrite, .durable = false});
    }
}

void make_overlay_folder(const SalienceJob& job) {
    std::error_code failed;
    std::filesystem::create_directories(job.overlays, failed);
    if (failed) throw OutputError(fmt::format("{}: no folder can be made ({})", job.overlays.string(), failed.message()));
    if (!job.run.overwrite && !std::filesystem::is_empty(job.overlays, failed)) throw OutputError(job.overlays.string() + ": not an empty folder", "name a new one, or --overwrite");
}

void take_laterality(const Tensor& maps, std::vector<double>& index, std::vector<double>& band) {
    for (std::int64_t i = 0; i < maps.size(0); ++i) {
        const auto l = salience::laterality(maps[i].data_ptr<float>(), maps.size(1));
        index.push_back(l.index);
        band.insert(band.end(), l.band.begin(), l.band.end());
    }
}

salience::SalienceHeader header_of(const SalienceJob& job, const weights::Model& model, const FeaturePictures& pictures, const SalienceNetwork& network) {
    salience::SalienceHeader h;
    static_cast<weights::NetworkNote&>(h) = weights::network_note(model);
    h.map_method = job.method, h.target = network.target().text(), h.subject = network.target().subject(), h.layer = network.target().layer(), h.tap = network.tap();
    h.image_size = model.image_size, h.flip_control = job.flip_control, h.image = pictures.id();
    return h;
}

SalienceResult result_of(const SalienceJob& job, const SalienceNetwork& network, const salience::SalienceImages& out) {
    const auto test = [&](std::vector<double> value) { return stats::mean_test(std::move(value), 10000, static_cast<std::uint64_t>(job.run.seed)); };
    const auto less = [](const std::vector<double>& a, const std::vector<double>& b) {
        std::vector<double> d;
        for (std::size_t i = 0; i < a.size(); ++i) d.push_back(a[i] - b[i]);
        return d;
    };
    SalienceResult r;
    r.images = static_cast<std::int64_t>(out.score.size());
    r.target = network.target().text(), r.layer = network.target().layer(), r.tap = network.tap();
    r.index = test(out.index), r.mirrored_index = test(out.mirrored_index);
    const auto& c = out.checks;
    r.randomised = test(c.randomised);
    r.deletion = test(less(c.random_deletion_area, c.deletion_area)), r.insertion = test(less(c.insertion_area, c.random_insertion_area));
    return r;
}

}  // namespace

SalienceResult run_salience(const SalienceJob& job, Reporter& reporter) {
    h5::check_target(job.run.output, job.run.overwrite, "salience");
    h5::Record record = job.run.record;
    const weights::Model model = weights::load_network(job.model, record);
    FeaturePictures pictures(job, job.run.threads, model, record);
    const torch::Device device = nn::choose_device(job.run.device, job.run.threads);
    nn::describe(record, device);
    SalienceNetwork network(job, model, pictures, device, record);
    if (!job.overlays.empty()) make_overlay_folder(job);
    salience::SalienceWriter writer(job.run.output, record, job.run.overwrite, header_of(job, model, pictures, network));
    salience::SalienceImages out;
    const auto n = static_cast<std::int64_t>(pictures.id().size());
    for (std::int64_t first = 0; first < n; first += job.batch) {
        check_interrupt();
        const auto count = std::min<std::int64_t>(job.batch, n - first);
        const Tensor pixels = pictures.read(first, count), x = network.normalised(pixels);
        const Tensor map = network.maps(x, first, &out.score);
        writer.write(first, count, map.data_ptr<float>());
        take_laterality(map, out.index, out.band_index);
        if (!job.overlays.empty()) write_overlays(job, pixels, map, pictures, network.target(), first);
        if (job.flip_control) take_laterality(network.maps(x.flip(3), first, nullptr), out.mirrored_index, out.mirrored_band_index);
        if (job.checks) check_maps(network, x, map, first, &out.score[static_cast<std::size_t>(first)], job.run.seed, out.checks);
        reporter.progress("maps", first + count, n);
    }
    for (std::int64_t i = 0; i < n; ++i) out.sha256.push_back(pictures.sha256(i));
    out.tuned = encode::mark_tuned(pictures.id(), out.sha256, model.tuned_image, model.tuned_sha256);
    out.of = network.target().chosen();
    writer.finish(out);
    return result_of(job, network, out);
}

}  // namespace cortune::engine
