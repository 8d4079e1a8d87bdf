// SPDX-License-Identifier: BSD-3-Clause
#include "engine/salience_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/output_file.hpp"
#include "core/staged_folder.hpp"
#include "encode/encoding_file.hpp"
#include "engine/salience_checks.hpp"
#include "engine/salience_network.hpp"
#include "nn/device.hpp"
#include "report/overlay.hpp"
#include "salience/laterality.hpp"
#include "salience/salience_file.hpp"
#include "salience/summary.hpp"

namespace cortune::engine {
namespace {

using torch::Tensor;

// Of a picture, as a file's name: its last part without ending, at most 80 bytes, without what is no plain character.
std::string plain_name(const std::string& id) {
    std::string name = id.substr(id.find(':') + 1);
    name = name.substr(name.rfind('/') == std::string::npos ? 0 : name.rfind('/') + 1);
    if (const auto dot = name.rfind('.'); dot != std::string::npos && dot > 0) name.resize(dot);
    for (char& c : name)
        if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 127) c = '_';
    return name.substr(0, 80);
}

bool numbered(const std::string& name) { return name.ends_with(".png") && name.find_first_not_of("0123456789") >= 5; }

// Figures, a file a picture (00001.<name>.png), in a folder that appears with the maps or not at all.
class Overlays {
  public:
    explicit Overlays(const SalienceJob& job) : folder_(job.overlays, job.run.overwrite, "overlays.txt", "salience-map", numbered) {
        write_bytes(folder_.path() / "overlays.txt", {std::string_view("overlays of salience-map: --overwrite replaces this folder\n")}, {.durable = false});
    }
    void add(const Tensor& pixels, const Tensor& maps, const FeaturePictures& pictures, const SalienceTarget& target, std::int64_t first) const {
        for (std::int64_t i = 0; i < maps.size(0); ++i) {
            const auto at = static_cast<std::size_t>(first + i);
            const std::string& id = pictures.id()[at];
            const std::string title = id.substr(id.find(':') + 1) + (target.chosen().empty() ? "" : ": " + target.chosen()[at]);
            const Tensor own = pixels[i].contiguous();
            const auto png = report::overlay_png(own.data_ptr<std::uint8_t>(), maps[i].data_ptr<float>(), maps.size(1), title);
            write_bytes(folder_.path() / fmt::format("{:05}.{}.png", first + i + 1, plain_name(id)), {png}, {.durable = false});
        }
    }
    void commit() { folder_.commit(); }

  private:
    StagedFolder folder_;
};

void take_laterality(const Tensor& maps, std::vector<double>& index, std::vector<double>& band) {
    for (std::int64_t i = 0; i < maps.size(0); ++i) {
        const auto l = salience::laterality(maps[i].data_ptr<float>(), maps.size(1));
        index.push_back(l.index);
        band.insert(band.end(), l.band.begin(), l.band.end());
    }
}

salience::SalienceHeader header_of(const SalienceJob& job, const weights::NetworkNote& note, int image_size, const FeaturePictures& pictures, const SalienceNetwork& network) {
    salience::SalienceHeader h;
    static_cast<weights::NetworkNote&>(h) = note;
    h.map_method = job.method, h.score = network.target().description(), h.layer = network.target().layer(), h.tap = network.tap();
    if (job.method == "integrated-gradients") h.map_setting = fmt::format("steps {}", job.steps);
    if (job.method == "occlusion") h.map_setting = fmt::format("window {}", network.window());
    if (!pictures.data()) h.fit = job.fit;
    h.image_size = image_size, h.flip_control = job.flip_control, h.image = pictures.id();
    return h;
}

// Once more over the pictures, now that what all maps have in common is known.
void check_all(const SalienceJob& job, SalienceNetwork& network, FeaturePictures& pictures, const salience::SalienceWriter& writer, const Tensor& sum, const std::vector<double>& score,
               salience::Checks& out, Reporter& reporter) {
    const auto n = static_cast<std::int64_t>(score.size()), size = sum.size(0);
    for (std::int64_t first = 0; first < n; first += job.batch) {
        const auto count = std::min<std::int64_t>(job.batch, n - first);
        auto values = writer.read(first, count);
        const Tensor map = torch::from_blob(values.data(), {count, size, size}, torch::kFloat32);
        Tensor others;
        if (n > 1) others = ((sum - map.to(torch::kFloat64)) / static_cast<double>(n - 1)).to(torch::kFloat32).contiguous();
        check_maps(network, network.normalised(pictures.read(first, count)), map, others, first, &score[static_cast<std::size_t>(first)], job.run.seed, out);
        reporter.progress("checks", first + count, n);
    }
}

}  // namespace

SalienceResult run_salience(const SalienceJob& job, Reporter& reporter) {
    h5::check_target(job.run.output, job.run.overwrite, "salience");
    h5::Record record = job.run.record;
    const weights::Model model = weights::load_network(job.model, record);
    FeaturePictures pictures(job, job.run.threads, model, record, reporter);
    const torch::Device device = nn::choose_device(job.run.device, job.run.threads);
    nn::describe(record, device);
    const auto note = weights::network_note(model);
    SalienceNetwork network(job, model, note, pictures, device, record);
    std::optional<Overlays> overlays;
    if (!job.overlays.empty()) overlays.emplace(job);
    salience::SalienceWriter writer(job.run.output, record, job.run.overwrite, header_of(job, note, model.image_size, pictures, network));
    salience::SalienceImages out;
    const auto n = static_cast<std::int64_t>(pictures.id().size());
    Tensor sum = torch::zeros({model.image_size, model.image_size}, torch::kFloat64);
    for (std::int64_t first = 0; first < n; first += job.batch) {
        check_interrupt();
        const auto count = std::min<std::int64_t>(job.batch, n - first);
        const Tensor pixels = pictures.read(first, count), x = network.normalised(pixels);
        const Tensor map = network.maps(x, first, &out.score);
        writer.write(first, count, map.data_ptr<float>());
        take_laterality(map, out.index, out.band_index);
        if (overlays) overlays->add(pixels, map, pictures, network.target(), first);
        if (job.flip_control) take_laterality(network.maps(x.flip(3), first, nullptr), out.mirrored_index, out.mirrored_band_index);
        sum += map.to(torch::kFloat64).sum(0);
        reporter.progress("maps", first + count, n);
    }
    if (job.checks) check_all(job, network, pictures, writer, sum, out.score, out.checks, reporter);
    for (std::int64_t i = 0; i < n; ++i) out.sha256.push_back(pictures.sha256(i));
    out.tuned = encode::mark_tuned(pictures.id(), out.sha256, model.tuned_image, model.tuned_sha256);
    out.fitted = network.target().fitted(pictures.id(), out.sha256);
    out.of = network.target().chosen();
    writer.finish(out);
    if (overlays) overlays->commit();
    const auto& target = network.target();
    return {target.description().text(), target.layer(), network.tap(), n, salience::summarise(out, 10000, static_cast<std::uint64_t>(job.run.seed))};
}

}  // namespace cortune::engine
