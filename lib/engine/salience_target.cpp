// SPDX-License-Identifier: BSD-3-Clause
#include "engine/salience_target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "core/error.hpp"
#include "core/random.hpp"
#include "core/text.hpp"
#include "engine/response_readout.hpp"
#include "probe/probe_file.hpp"
#include "weights/model_file.hpp"

namespace cortune::engine {
namespace {

using torch::Tensor;

Tensor shuffled(const Tensor& values, std::uint64_t seed) {
    const Tensor flat = values.detach().to(torch::kCPU, torch::kFloat32).contiguous();
    std::vector<float> plain(flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
    Rng(seed, 1ULL << 40).shuffle(plain);
    return torch::tensor(plain).view(values.sizes()).to(values.device());
}

// One of many outputs, of every picture its own.
class ClassTarget : public SalienceTarget {
  public:
    void choose(const Tensor& output, std::int64_t first) override {
        if (!predicted_) return;
        const Tensor best = std::get<1>(logits(output).max(1)).to(torch::kCPU);
        for (std::int64_t i = 0; i < best.size(0); ++i) set(first + i, best[i].item<std::int64_t>());
    }
    Tensor score(const Tensor& output, std::int64_t first) const override { return own(logits(output), first); }
    Tensor control_score(const Tensor& output, std::int64_t first) const override { return own(control_logits(output), first); }

  protected:
    Tensor own(const Tensor& all, std::int64_t first) const {
        const auto begin = index_.begin() + first;
        const Tensor at = torch::tensor(std::vector<std::int64_t>(begin, begin + all.size(0)), torch::kInt64).to(all.device());
        return all.gather(1, at.unsqueeze(1)).squeeze(1);
    }
    virtual Tensor logits(const Tensor& output) const = 0;
    virtual Tensor control_logits(const Tensor& output) const = 0;
    void set(std::int64_t picture, std::int64_t at) {
        index_[static_cast<std::size_t>(picture)] = at;
        chosen_[static_cast<std::size_t>(picture)] = name_.at(static_cast<std::size_t>(at));
    }
    void start(std::size_t pictures, std::vector<std::string> names, bool predicted) {
        name_ = std::move(names), predicted_ = predicted;
        index_.assign(pictures, 0), chosen_.resize(pictures);
    }
    std::vector<std::string> name_;
    std::vector<std::int64_t> index_;
    bool predicted_ = false;
};

// A class of a probe: the gradient runs through weights and scaler into the network.
class ProbeTarget final : public ClassTarget {
  public:
    ProbeTarget(const SalienceJob& job, const weights::NetworkNote& network, const FeaturePictures& pictures, torch::Device device, h5::Record& record) {
        const probe::ProbeFile file(job.probe);
        file.input().register_in(record);
        const auto& h = file.header();
        check_network(h.model_sha256, network, job.probe, job.model);
        if (h.pool != "none" || !h.pca_split.empty())
            throw BadInput(fmt::format("{}: made of {}, and maps need the layer as it is", job.probe.string(), h.pool != "none" ? "pooled features" : "principal components"), "class-probe of feature-extract without --pool and --pca");
        if (!pictures.data() && h.fit != job.fit) throw UsageError(fmt::format("{}: its pictures came to the network's size by {}, these by {}", job.probe.string(), h.fit, job.fit), "give --fit " + h.fit);
        layer_ = h.layer;
        description_.setting = fmt::format("C {:g}, {} pictures, {} classes", h.c, h.train_images, h.classes.size());
        description_.kind = "class", description_.of = job.of_class.empty() ? "predicted" : job.of_class;
        fitted_image_ = h.fitted_image, fitted_sha256_ = h.fitted_sha256;
        const auto standard = file.standardiser();
        mean_ = as_tensor(standard.mean).to(device), scale_ = as_tensor(standard.scale).to(device);
        const auto fit = file.fit();
        coef_ = as_tensor(fit.coef).to(device);
        intercept_ = as_tensor(fit.intercept.transpose()).to(device);
        start(pictures.id().size(), h.classes, job.of_class.empty() || job.of_class == "predicted");
        if (job.of_class == "true") take_labels(h, pictures, job);
        else if (!predicted_) take_class(h, job);
    }

    void make_control(std::uint64_t seed) override { control_ = shuffled(coef_, seed); }
    std::vector<std::int16_t> fitted(const std::vector<std::string>& id, const std::vector<std::string>& sha256) const override {
        return encode::mark_tuned(id, sha256, fitted_image_, fitted_sha256_);
    }

  private:
    Tensor logits(const Tensor& output) const override { return read(output, coef_); }
    Tensor control_logits(const Tensor& output) const override { return read(output, control_); }
    Tensor read(const Tensor& output, const Tensor& coef) const { return torch::matmul((output.flatten(1) - mean_) / scale_, coef) + intercept_; }
    void take_class(const probe::ProbeHeader& h, const SalienceJob& job) {
        const auto at = std::find(h.classes.begin(), h.classes.end(), job.of_class);
        if (at == h.classes.end())
            throw BadInput(fmt::format("{}: no class '{}'; it has {}", job.probe.string(), job.of_class, join(nearest_first(job.of_class, h.classes))));
        for (std::size_t i = 0; i < index_.size(); ++i) set(static_cast<std::int64_t>(i), at - h.classes.begin());
    }
    // Of a scored picture the probe knows the class; of another the folder says it.
    void take_labels(const probe::ProbeHeader& h, const FeaturePictures& pictures, const SalienceJob& job) {
        std::unordered_map<std::string, std::int64_t> scored, classes;
        for (std::size_t i = 0; i < h.image.size(); ++i) scored.emplace(h.image[i], h.label[i]);
        for (std::size_t c = 0; c < h.classes.size(); ++c) classes.emplace(h.classes[c], static_cast<std::int64_t>(c));
        for (std::size_t i = 0; i < pictures.id().size(); ++i) {
            const std::string &id = pictures.id()[i], path = id.substr(id.find(':') + 1);
            const auto known = scored.find(id);
            const auto folder = classes.find(path.substr(0, path.rfind('/') == std::string::npos ? 0 : path.rfind('/')));
            if (known == scored.end() && folder == classes.end())
                throw BadInput(fmt::format("{}: {} is none of the probe's scored pictures, and its folder no class", job.probe.string(), id), "--class predicted, or a class's name");
            set(static_cast<std::int64_t>(i), known != scored.end() ? known->second : folder->second);
        }
    }
    Tensor mean_, scale_, coef_, intercept_, control_;
    std::vector<std::string> fitted_image_, fitted_sha256_;
};

// An output of the network itself.
class LogitTarget final : public ClassTarget {
  public:
    LogitTarget(const SalienceJob& job, const nn::Backbone& backbone, const FeaturePictures& pictures) {
        layer_ = backbone.module_names().back();
        description_.kind = "logit", description_.of = job.logit;
        std::vector<std::string> names;
        for (std::int64_t i = 0; i < backbone.outputs(); ++i) names.push_back(std::to_string(i));
        start(pictures.id().size(), names, job.logit == "predicted");
        if (predicted_) return;
        std::int64_t at = -1;
        const auto [end, code] = std::from_chars(job.logit.data(), job.logit.data() + job.logit.size(), at);
        if (code != std::errc{} || end != job.logit.data() + job.logit.size() || at < 0 || at >= backbone.outputs())
            throw UsageError(fmt::format("--logit: expected predicted or a whole number, 0 to {}, found '{}'", backbone.outputs() - 1, job.logit));
        for (std::size_t i = 0; i < index_.size(); ++i) set(static_cast<std::int64_t>(i), at);
    }

    void make_control(std::uint64_t) override {}

  private:
    Tensor logits(const Tensor& output) const override { return output.flatten(1); }
    Tensor control_logits(const Tensor& output) const override { return output.flatten(1); }
};

// The response that an encoding predicts of a voxel, or the mean over a region.
class ResponseTarget final : public SalienceTarget {
  public:
    ResponseTarget(const SalienceJob& job, const weights::NetworkNote& network, torch::Device device, h5::Record& record) {
        const encode::EncodingFile file(job.encoding);
        file.input().register_in(record);
        check_network(file.header().model_sha256, network, job.encoding, job.model);
        const ResponseReadout readout = read_readout(file, job.roi);
        layer_ = readout.layer->name;
        description_ = {"response", "", "", file.header().subject, readout.hemisphere, readout.roi_class, readout.roi, job.voxel};
        fitted_image_ = file.header().fitted_image, fitted_sha256_ = file.header().fitted_sha256;
        Tensor coef = readout.coef, intercept = readout.intercept;
        if (job.voxel >= 0) {
            const auto at = std::find(readout.column.begin(), readout.column.end(), job.voxel);
            if (at == readout.column.end())
                throw BadInput(fmt::format("{}: column {} is none of {} {}", job.encoding.string(), job.voxel, readout.hemisphere, readout.roi));
            coef = coef.narrow(1, at - readout.column.begin(), 1), intercept = intercept.narrow(0, at - readout.column.begin(), 1);
        }
        const Tensor direction = torch::matmul(readout.layer->basis, coef.mean(1).to(torch::kFloat32)).to(torch::kFloat64);
        offset_ = intercept.mean().item<double>() - readout.layer->mean.to(torch::kFloat64).dot(direction).item<double>();
        direction_ = direction.to(torch::kFloat32).to(device);
    }
    Tensor score(const Tensor& output, std::int64_t) const override { return torch::matmul(output.flatten(1), direction_) + offset_; }
    void make_control(std::uint64_t seed) override { control_ = shuffled(direction_, seed); }
    std::vector<std::int16_t> fitted(const std::vector<std::string>& id, const std::vector<std::string>& sha256) const override {
        return encode::mark_tuned(id, sha256, fitted_image_, fitted_sha256_);
    }
    Tensor control_score(const Tensor& output, std::int64_t) const override { return torch::matmul(output.flatten(1), control_) + offset_; }

  private:
    Tensor direction_, control_;
    double offset_ = 0;
    std::vector<std::string> fitted_image_, fitted_sha256_;
};

// The cosine of a picture's embedding with that of its own response, over the temperature.
class PairTarget final : public SalienceTarget {
  public:
    PairTarget(const SalienceJob& job, const weights::Model& model, const nn::Backbone& backbone, const FeaturePictures& pictures, torch::Device device)
        : heads_(model, pictures.data(), job.model.string(), device) {
        if (!heads_.measured()) throw UsageError("--pair needs responses: give the data set of a subject that tuned the network");
        torch::NoGradGuard no_gradients;
        layer_ = backbone.module_names().back();
        description_ = {"pair", "", "", pictures.data()->header().subject, model.hemisphere, model.roi_class, model.roi, -1};
        temperature_ = nlohmann::json::parse(model.options).value("temperature", 1.);
        response_ = heads_.project(heads_.hidden_responses(pictures.rows()));
    }
    Tensor score(const Tensor& output, std::int64_t first) const override {
        return cosine(heads_.project(heads_.hidden_images(output.flatten(1))), first);
    }
    void make_control(std::uint64_t seed) override {
        order_ = torch::tensor(Rng(seed, 1ULL << 40).permutation(response_.size(1)), torch::kInt64).to(response_.device());
    }
    Tensor control_score(const Tensor& output, std::int64_t first) const override {
        return cosine(heads_.project(heads_.hidden_images(output.flatten(1))).index_select(1, order_), first);
    }

  private:
    Tensor cosine(const Tensor& z, std::int64_t first) const { return torch::cosine_similarity(z, response_.narrow(0, first, z.size(0)), 1) / temperature_; }
    EmbeddingHeads heads_;
    Tensor response_, order_;
    double temperature_ = 1;
};

}  // namespace

std::unique_ptr<SalienceTarget> salience_target(const SalienceJob& job, const weights::Model& model, const weights::NetworkNote& network, const nn::Backbone& backbone,
                                                const FeaturePictures& pictures, torch::Device device, h5::Record& record) {
    if (!job.probe.empty() + !job.logit.empty() + !job.encoding.empty() + job.pair != 1)
        throw UsageError("one of --probe, --logit, --encoding and --pair says what the maps are of");
    if (!job.probe.empty()) return std::make_unique<ProbeTarget>(job, network, pictures, device, record);
    if (!job.logit.empty()) return std::make_unique<LogitTarget>(job, backbone, pictures);
    if (!job.encoding.empty()) return std::make_unique<ResponseTarget>(job, network, device, record);
    return std::make_unique<PairTarget>(job, model, backbone, pictures, device);
}

}  // namespace cortune::engine
