// SPDX-License-Identifier: BSD-3-Clause
#include "engine/salience_job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/output_file.hpp"
#include "core/text.hpp"
#include "engine/salience_target.hpp"
#include "nn/device.hpp"
#include "nn/preprocess.hpp"
#include "nn/salience.hpp"
#include "report/overlay.hpp"
#include "salience/laterality.hpp"
#include "salience/salience_file.hpp"

namespace cortune::engine {
namespace {

using torch::Tensor;

// The last feature map up to `layer` that the module after it makes smaller, or that is `layer` itself.
std::string default_tap(const nn::Backbone& backbone, const std::string& layer, int size, torch::Device device) {
    std::string best, before;
    std::int64_t values = 0;  // of the feature map before; 0: it was none
    bool past = false;
    backbone.tapped(torch::zeros({1, 3, size, size}, device), backbone.module_names(), [&](const std::string& name, const Tensor& output) {
        if (past) return;
        const bool map = output.dim() == 4 && output.size(2) > 1;
        if (output.numel() < values) best = before;
        if (name == layer && map) best = name;
        before = name, values = map ? output.numel() : 0, past = name == layer;
    });
    if (best.empty()) throw BadInput(fmt::format("{} has no feature map before {}", backbone.name(), layer), "--tap names one");
    return best;
}

// Refuses a tap that the score is not made from.
void check_tap(const nn::Backbone& backbone, const std::string& tap, const std::string& layer) {
    backbone.check_taps({tap});
    const auto names = backbone.module_names();
    if (std::find(names.begin(), names.end(), tap) > std::find(names.begin(), names.end(), layer))
        throw BadInput(fmt::format("--tap {} comes after {}, which the score is made from", tap, layer), "an earlier module, or leave it out");
}

class Maps {
  public:
    Maps(const SalienceJob& job, const weights::Model& model, const FeaturePictures& pictures, torch::Device device, h5::Record& record)
        : job_(job), device_(device), size_(model.image_size), backbone_(model.backbone) {
        backbone_.load(model.parameters, torch::kFloat32, device);
        target_ = salience_target(job, model, backbone_, pictures, device, record);
        if (job.method.starts_with("gradcam")) {
            tap_ = job.tap.empty() ? default_tap(backbone_, target_->layer(), size_, device) : job.tap;
            check_tap(backbone_, tap_, target_->layer());
        }
    }
    const SalienceTarget& target() const { return *target_; }
    const std::string& tap() const { return tap_; }

    // Maps of pictures [first, first + N), (N, size, size) on the CPU; pixels as FeaturePictures reads them. Scores go to `score`
    // where it is not null: the pictures' own; a mirrored picture is looked at for the class of the picture that it was.
    Tensor operator()(const Tensor& pixels, std::int64_t first, std::vector<double>* score) {
        const Tensor x = nn::normalise(pixels, torch::kFloat32, device_);
        if (score) look(x, first, *score);
        const nn::Scorer scorer = [&](const Tensor& pictures, Tensor* activation) { return run(pictures, first, activation); };
        const int window = job_.window > 0 ? job_.window : std::max(1, size_ / 8);
        Tensor map = job_.method == "gradcam"                ? nn::to_picture_size(nn::grad_cam(scorer, x), size_)
                     : job_.method == "gradcam++"            ? nn::to_picture_size(nn::grad_cam_plus_plus(scorer, x), size_)
                     : job_.method == "integrated-gradients" ? nn::integrated_gradients(scorer, x, job_.steps)
                                                             : nn::occlusion(scorer, x, window);
        map = map.detach().to(torch::kCPU).contiguous();
        if (!torch::isfinite(map).all().item<bool>()) throw RunFailed("a map has values that are not finite");
        return map;
    }

  private:
    Tensor run(const Tensor& pictures, std::int64_t first, Tensor* activation) const {
        std::vector<std::string> taps = {target_->layer()};
        if (activation && tap_ != target_->layer()) taps.push_back(tap_);
        Tensor output;
        backbone_.traced(pictures, taps, [&](const std::string& name, const Tensor& value) {
            if (activation && name == tap_) *activation = value;
            if (name == target_->layer()) output = value;
        });
        return target_->score(output, first);
    }
    void look(const Tensor& x, std::int64_t first, std::vector<double>& score) {
        torch::NoGradGuard no_gradients;
        Tensor output;
        backbone_.tapped(x, {target_->layer()}, [&](const std::string&, const Tensor& value) { output = value; });
        target_->choose(output, first);
        const Tensor s = target_->score(output, first).to(torch::kCPU, torch::kFloat64);
        for (std::int64_t i = 0; i < s.size(0); ++i) score.push_back(s[i].item<double>());
    }

    const SalienceJob& job_;
    torch::Device device_;
    int size_;
    nn::Backbone backbone_;
    std::unique_ptr<SalienceTarget> target_;
    std::string tap_;
};

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

salience::SalienceHeader header_of(const SalienceJob& job, const weights::Model& model, const FeaturePictures& pictures, const Maps& maps) {
    salience::SalienceHeader h;
    h.backbone = model.backbone, h.method = model.method, h.model_uuid = model.uuid, h.model_sha256 = weights::parameters_sha256(model.parameters);
    if (model.tuned()) h.subjects = join(model.subjects, "+"), h.hemisphere = model.hemisphere, h.roi_class = model.roi_class, h.roi = model.roi;
    h.map_method = job.method, h.target = maps.target().text(), h.layer = maps.target().layer(), h.tap = maps.tap();
    h.image_size = model.image_size, h.flip_control = job.flip_control, h.image = pictures.id();
    return h;
}

}  // namespace

void run_salience(const SalienceJob& job, Reporter& reporter) {
    h5::check_target(job.run.output, job.run.overwrite, "salience");
    h5::Record record = job.run.record;
    const weights::Model model = weights::load_network(job.model, record);
    FeaturePictures pictures(job, job.run.threads, model, record);
    const torch::Device device = nn::choose_device(job.run.device, job.run.threads);
    nn::describe(record, device);
    Maps maps(job, model, pictures, device, record);
    if (!job.overlays.empty()) make_overlay_folder(job);
    salience::SalienceWriter writer(job.run.output, record, job.run.overwrite, header_of(job, model, pictures, maps));
    salience::SalienceImages out;
    const auto n = static_cast<std::int64_t>(pictures.id().size());
    for (std::int64_t first = 0; first < n; first += job.batch) {
        check_interrupt();
        const auto count = std::min<std::int64_t>(job.batch, n - first);
        const Tensor pixels = pictures.read(first, count);
        const Tensor map = maps(pixels, first, &out.score);
        writer.write(first, count, map.data_ptr<float>());
        take_laterality(map, out.index, out.band_index);
        if (!job.overlays.empty()) write_overlays(job, pixels, map, pictures, maps.target(), first);
        if (job.flip_control) take_laterality(maps(pixels.flip(2), first, nullptr), out.mirrored_index, out.mirrored_band_index);
        reporter.progress("maps", first + count, n);
    }
    const std::unordered_set<std::string> ids(model.tuned_image.begin(), model.tuned_image.end()), hashes(model.tuned_sha256.begin(), model.tuned_sha256.end());
    for (std::int64_t i = 0; i < n; ++i) {
        out.sha256.push_back(pictures.sha256(i));
        out.tuned.push_back(ids.count(pictures.id()[static_cast<std::size_t>(i)]) > 0 || hashes.count(out.sha256.back()) > 0 ? 1 : 0);
    }
    out.of = maps.target().chosen();
    writer.finish(out);
}

}  // namespace cortune::engine
