// SPDX-License-Identifier: BSD-3-Clause
#include "train/tuner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>

#include "core/error.hpp"
#include "nn/preprocess.hpp"
#include "train/batches.hpp"
#include "train/dropout.hpp"
#include "train/loss.hpp"

namespace cortune::train {

using torch::Tensor;

TuningOptions with_defaults(TuningOptions o) {
    const bool regression = o.loss == "mse";
    if (o.epochs < 0) o.epochs = regression ? 75 : 30;
    if (o.learning_rate < 0) o.learning_rate = regression ? 2.5e-5 : 1e-4;
    return o;
}

namespace {

// What the check after an epoch may cost: a forward pass of so many images.
constexpr std::size_t probe_images = 64;

torch::ScalarType pass_dtype(const std::string& precision) {
    if (precision == "float64") return torch::kFloat64;
    return precision == "bfloat16" ? torch::kBFloat16 : torch::kFloat32;
}

// bfloat16 is for the backbone's pass alone: heads, loss and optimiser are float32.
torch::ScalarType head_dtype(const std::string& precision) {
    return precision == "float64" ? torch::kFloat64 : torch::kFloat32;
}

bool frozen(const std::string& parameter, const std::vector<std::string>& freeze) {
    return std::any_of(freeze.begin(), freeze.end(), [&](const auto& f) { return parameter.starts_with(f + '.'); });
}

void check_freeze(const nn::Backbone& backbone, const std::vector<std::string>& freeze,
                  const NamedTensors& parameters) {
    for (const auto& f : freeze)
        if (std::none_of(parameters.begin(), parameters.end(), [&](const auto& p) { return p.first.starts_with(f + '.'); }))
            throw UsageError(fmt::format("--freeze {}: {} has no parameters under that name", f, backbone.name()));
}

NamedTensors copies(const NamedTensors& tensors) {
    NamedTensors out;
    for (const auto& [name, t] : tensors) out.emplace_back(name, t.detach().clone());
    return out;
}

// Who else learns from each subject's training images.
auto find_shared(const std::vector<TuningData>& subjects) {
    std::map<std::string, std::vector<std::pair<std::size_t, std::int64_t>>> seen;
    for (std::size_t s = 0; s < subjects.size(); ++s)
        for (const auto i : subjects[s].train) seen[subjects[s].ids.at(static_cast<std::size_t>(i))].emplace_back(s, i);
    std::vector<std::vector<std::vector<std::pair<std::size_t, std::int64_t>>>> out;
    for (std::size_t s = 0; s < subjects.size(); ++s) {
        out.emplace_back(subjects[s].ids.size());
        for (const auto i : subjects[s].train)
            for (const auto& other : seen.at(subjects[s].ids[static_cast<std::size_t>(i)]))
                if (other.first != s) out[s][static_cast<std::size_t>(i)].push_back(other);
    }
    return out;
}

std::int64_t total(const std::vector<TuningData>& subjects, std::vector<std::int64_t> TuningData::*images) {
    std::size_t sum = 0;
    for (const auto& s : subjects) sum += (s.*images).size();
    return static_cast<std::int64_t>(sum);
}

}  // namespace

std::vector<Branch> branches_of(const std::vector<TuningData>& subjects) {
    std::vector<Branch> out;
    for (const auto& s : subjects) out.push_back({s.name, s.responses.size(1)});
    return out;
}

Tuner::Tuner(nn::Backbone& backbone, std::vector<TuningData> subjects, const TuningOptions& options, std::int64_t seed,
             torch::Device device, const World& world)
    : backbone_(backbone), subjects_(std::move(subjects)), options_(options), seed_(seed), device_(device),
      dtype_(pass_dtype(options.precision)), world_(world),
      heads_(options.loss != "mse", head_sizes(backbone.outputs(), branches_of(subjects_), options), branches_of(subjects_), seed,
             head_dtype(options.precision), device, world) {
    check_freeze(backbone, options.freeze, backbone.parameters());
    for (auto& s : subjects_) {
        s.responses = s.responses.to(device, head_dtype(options.precision));
        keys_.push_back(image_keys(s.ids));
    }
    if (options.align_shared) {
        if (options.loss != "infonce") throw UsageError("--align-shared is of --loss infonce");
        shared_ = find_shared(subjects_);
    }
    NamedTensors learned;
    for (auto& [name, p] : backbone_.parameters()) {
        if (frozen(name, options.freeze)) continue;
        p.requires_grad_();
        learned.emplace_back(name, p);
    }
    for (auto& p : heads_.parameters()) learned.push_back(p);
    for (const auto& [name, p] : learned) learned_.push_back(p);
    adam_.emplace(learned);
}

Tensor Tuner::logits(std::size_t subject, const std::vector<std::int64_t>& own, bool training) {
    const TuningData& data = subjects_[subject];
    // A batch smaller than the world leaves some processes without an image.
    if (own.empty()) return torch::zeros({0, backbone_.outputs()}, data.responses.options());
    const Tensor x = nn::normalise(data.pixels->get(own), dtype_, device_);
    std::vector<std::uint64_t> keys;
    for (auto i : own) keys.push_back(keys_[subject][static_cast<std::size_t>(i)]);
    const nn::Dropout drop = [&](const Tensor& input, int layer) {
        return dropout(input, options_.dropout, seed_, epoch_, layer, keys);
    };
    return backbone_.forward(x, training ? &drop : nullptr).to(data.responses.scalar_type());
}

Tensor Tuner::loss(std::size_t subject, const std::vector<std::int64_t>& which, bool training) {
    const TuningData& data = subjects_[subject];
    const Rows rows = world_.share(static_cast<std::int64_t>(which.size()));
    const std::vector<std::int64_t> own(which.begin() + rows.first, which.begin() + rows.first + rows.count);
    const Tensor output = logits(subject, own, training);
    const Tensor responses = data.responses.index_select(0, torch::tensor(own, torch::kInt64).to(device_));
    if (options_.loss == "mse") return mse(heads_.predict(subject, output), responses, rows.total);
    const Tensor image = heads_.embed_images(output, training, rows);
    const Tensor response = heads_.embed_responses(subject, responses, training, rows);
    if (training && options_.align_shared) return shared_loss(subject, which, rows, image, response);
    const Tensor all_responses = world_.gather(response, rows);
    if (options_.loss == "clip") return clip(image, response, world_.gather(image, rows), all_responses, options_.temperature, rows.first);
    return infonce(image, all_responses, options_.temperature, rows.first);
}

// Other subjects' responses to the batch's images stand beside the subject's own, as positives of
// their images and negatives of the others.
Tensor Tuner::shared_loss(std::size_t subject, const std::vector<std::int64_t>& which, const Rows& rows, const Tensor& image, const Tensor& own) {
    std::map<std::size_t, std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>>> others;  // subject → its images, whose they are
    for (std::size_t k = 0; k < which.size(); ++k)
        for (const auto& [other, at] : shared_[subject][static_cast<std::size_t>(which[k])]) {
            others[other].first.push_back(at);
            others[other].second.push_back(static_cast<std::int64_t>(k));
        }
    std::vector<Tensor> responses{world_.gather(own, rows)}, owner{torch::arange(rows.total, torch::kInt64)};
    for (const auto& [other, images] : others) {
        if (images.first.size() < 2) continue;  // batch norm needs two
        const Rows part = world_.share(static_cast<std::int64_t>(images.first.size()));
        const auto at = torch::tensor(images.first, torch::kInt64).narrow(0, part.first, part.count).to(device_);
        responses.push_back(world_.gather(heads_.embed_responses(other, subjects_[other].responses.index_select(0, at), true, part), part));
        owner.push_back(torch::tensor(images.second, torch::kInt64));
    }
    return infonce_shared(image, torch::cat(responses), torch::cat(owner).to(device_), options_.temperature, rows);
}

double Tuner::learning_rate(std::int64_t step_in_epoch, std::int64_t steps) const {
    const double done = static_cast<double>(epoch_) + static_cast<double>(step_in_epoch + 1) / static_cast<double>(steps);
    const double rise = options_.warmup_epochs > 0 ? std::min(1.0, done / options_.warmup_epochs) : 1.0;
    return options_.learning_rate * rise;
}

double Tuner::train_epoch() {
    std::vector<std::string> names;
    std::vector<std::int64_t> images;
    for (const auto& s : subjects_) {
        names.push_back(s.name);
        images.push_back(static_cast<std::int64_t>(s.train.size()));
    }
    const auto batches = pooled_batches(names, images, options_.batch, seed_, epoch_, options_.pool_order == "interleaved");
    double sum = 0;
    for (std::size_t b = 0; b < batches.size(); ++b) {
        world_.check_interrupt();
        const TuningData& data = subjects_[batches[b].subject];
        std::vector<std::int64_t> which;
        for (auto i : batches[b].images) which.push_back(data.train[static_cast<std::size_t>(i)]);
        const Tensor l = loss(batches[b].subject, which, true);
        const double value = world_.sum(l.item<double>());
        if (!std::isfinite(value))
            throw RunFailed(fmt::format("the loss is {} in epoch {}, batch {}", value, epoch_ + 1, b + 1),
                            "a lower --lr or a --warmup-epochs keeps it finite");
        (data.weight == 1 ? l : l * data.weight).backward();
        world_.sum_gradients(learned_);
        adam_->step(learning_rate(static_cast<std::int64_t>(b), static_cast<std::int64_t>(batches.size())));
        sum += value * static_cast<double>(which.size());
    }
    return sum / static_cast<double>(total(subjects_, &TuningData::train));
}

double Tuner::validate() {
    const auto images = total(subjects_, &TuningData::validation);
    if (images == 0) return std::numeric_limits<double>::quiet_NaN();
    torch::NoGradGuard no_gradients;
    double sum = 0;
    for (std::size_t s = 0; s < subjects_.size(); ++s) {
        const auto& part = subjects_[s].validation;
        const auto n = static_cast<std::int64_t>(part.size());
        for (std::int64_t first = 0, count = 0; first < n; first += count) {
            // One image alone has nothing to be told from: it joins its predecessors.
            count = n - first <= options_.batch + 1 ? n - first : options_.batch;
            const std::vector<std::int64_t> which(part.begin() + first, part.begin() + first + count);
            sum += world_.sum(loss(s, which, false).item<double>()) * static_cast<double>(which.size());
        }
    }
    return sum / static_cast<double>(images);
}

// The greatest loss over subjects of a few images, without dropout.
double Tuner::probe() {
    double worst = 0;
    for (std::size_t s = 0; s < subjects_.size(); ++s) {
        const auto& train = subjects_[s].train;
        const auto count = std::min<std::size_t>({train.size(), probe_images, static_cast<std::size_t>(options_.batch)});
        const double value = world_.sum(loss(s, {train.begin(), train.begin() + static_cast<std::ptrdiff_t>(count)}, false).item<double>());
        if (!std::isfinite(value)) return value;
        worst = std::max(worst, value);
    }
    return worst;
}

// A step may ruin the weights after a loss that was finite: nothing of such an epoch may
// reach a checkpoint or a model.
void Tuner::check_finite() {
    torch::NoGradGuard no_gradients;
    const double watched = history_.validation_loss.back();
    if (total(subjects_, &TuningData::validation) > 0 && !std::isfinite(watched))
        throw RunFailed(fmt::format("the validation loss is {} after epoch {}", watched, epoch_ + 1),
                        "a lower --lr or a --warmup-epochs keeps it finite");
    // Weights may be finite and yet so large that nothing comes out of them: a few images tell.
    if (const double value = probe(); !std::isfinite(value))
        throw RunFailed(fmt::format("the loss is {} after epoch {}", value, epoch_ + 1), "a lower --lr or a --warmup-epochs keeps it finite");
    for (const auto& [name, t] : live())
        if (!torch::isfinite(t).all().item<bool>())
            throw RunFailed(fmt::format("{} is not finite after epoch {}", name, epoch_ + 1),
                            "a lower --lr or a --warmup-epochs keeps it finite");
}

void Tuner::run(Reporter& reporter, const std::function<void()>& after_epoch) {
    while (epoch_ < options_.epochs) {
        if (options_.patience > 0 && best_epoch_ >= 0 && epoch_ - best_epoch_ > options_.patience) {
            reporter.info(fmt::format("stopped early after epoch {}: no gain since epoch {}", epoch_, best_epoch_ + 1));
            break;
        }
        const auto start = std::chrono::steady_clock::now();
        history_.learning_rate.push_back(learning_rate(0, 1));
        history_.loss.push_back(train_epoch());
        history_.validation_loss.push_back(validate());
        check_finite();
        const double watched = history_.validation_loss.back();
        if (options_.patience > 0 && (best_epoch_ < 0 || watched < best_loss_)) {
            best_epoch_ = epoch_;
            best_loss_ = watched;
            best_ = copies(live());
        }
        ++epoch_;
        reporter.detail(fmt::format("epoch {}: loss {:.5f}, {:.2f} s", epoch_, history_.loss.back(),
                                    std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()));
        reporter.progress("epoch", epoch_, options_.epochs);
        after_epoch();
    }
}

NamedTensors Tuner::live() const {
    NamedTensors out;
    for (const auto& [name, p] : const_cast<nn::Backbone&>(backbone_).parameters()) out.emplace_back("backbone/" + name, p);
    for (auto* group : {&const_cast<Heads&>(heads_).parameters(), &const_cast<Heads&>(heads_).buffers()})
        for (const auto& [name, p] : *group) out.emplace_back("heads/" + name, p);
    return out;
}

void Tuner::finish() {
    if (best_.empty()) return;
    torch::NoGradGuard no_gradients;
    auto now = live();
    for (std::size_t i = 0; i < now.size(); ++i) now[i].second.copy_(best_[i].second);
}

Tuner::State Tuner::state() const {
    State out;
    out.tensors = live();
    for (const auto& [name, t] : adam_->moments()) out.tensors.emplace_back("moments/" + name, t);
    for (const auto& [name, t] : best_) out.tensors.emplace_back("best/" + name, t);
    out.steps = adam_->steps();
    out.epoch = epoch_;
    out.best_epoch = best_epoch_;
    out.best_loss = best_loss_;
    out.history = history_;
    return out;
}

void Tuner::restore(const State& from) {
    torch::NoGradGuard no_gradients;
    const auto group = [&](const std::string& prefix) {
        NamedTensors out;
        for (const auto& [name, t] : from.tensors)
            if (name.starts_with(prefix)) out.emplace_back(name.substr(prefix.size()), t);
        return out;
    };
    NamedTensors saved;
    for (const char* prefix : {"backbone/", "heads/"})
        for (const auto& [name, t] : group(prefix)) saved.emplace_back(prefix + name, t);
    auto now = live();
    if (saved.size() != now.size()) throw BadInput("the checkpoint is of another network");
    for (std::size_t i = 0; i < now.size(); ++i) {
        if (saved[i].first != now[i].first || saved[i].second.sizes() != now[i].second.sizes())
            throw BadInput(fmt::format("the checkpoint is of another network: {} does not fit", now[i].first));
        now[i].second.copy_(saved[i].second);
    }
    adam_->restore(group("moments/"), from.steps);
    best_.clear();
    for (const auto& [name, t] : group("best/")) best_.emplace_back(name, t);
    epoch_ = from.epoch;
    best_epoch_ = from.best_epoch;
    best_loss_ = from.best_loss;
    history_ = from.history;
}

}  // namespace cortune::train
