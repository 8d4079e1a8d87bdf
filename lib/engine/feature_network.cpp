// SPDX-License-Identifier: BSD-3-Clause
#include "engine/feature_network.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "core/text.hpp"
#include "engine/inputs.hpp"
#include "train/heads.hpp"
#include "weights/architecture.hpp"

namespace cortune::engine {

using torch::Tensor;

// The contrastive heads, and the responses of the subject whose pictures these are.
struct FeatureNetwork::Branches {
    train::World world;
    train::HeadSizes sizes;
    std::unique_ptr<train::Heads> heads;
    bool measured = false;  // there are responses
    datasets::Roi roi;
};

namespace {

// The branch of a data set's subject: a name within the heads and the columns that it was tuned to.
struct BranchOf {
    std::string name;
    std::vector<std::int32_t> column, vertex;
};

BranchOf branch_of(const weights::Model& model, const datasets::DatasetFile& data, const std::string& where) {
    const std::string& subject = data.header().subject;
    const auto found = std::find(model.subjects.begin(), model.subjects.end(), subject);
    if (found == model.subjects.end())
        throw BadInput(fmt::format("{}: it was tuned to {}, not to {}, the subject of {}", where, join(model.subjects), subject, data.where()),
                       "a folder of pictures gets the image branch's embeddings from any network");
    BranchOf out;
    out.name = weights::find(model.heads, "response.weight") ? "" : subject;
    const auto index = static_cast<std::int16_t>(found - model.subjects.begin());
    for (std::size_t i = 0; i < model.column.size(); ++i)
        if (model.branch.empty() || model.branch[i] == index) out.column.push_back(model.column[i]), out.vertex.push_back(model.vertex[i]);
    return out;
}

// The responses that tuned the branch: the same columns, which are the same vertices.
datasets::Roi tuned_responses(const weights::Model& model, const BranchOf& branch, const datasets::DatasetFile& data) {
    datasets::Roi roi = data.roi(model.hemisphere, model.roi_class, model.roi);
    const auto& vertex = data.hemisphere(model.hemisphere).vertex;
    bool same = roi.column.size() == branch.column.size();
    for (std::size_t i = 0; same && i < roi.column.size(); ++i)
        same = roi.column[i] == branch.column[i] && vertex[static_cast<std::size_t>(roi.column[i])] == branch.vertex[i];
    if (!same)
        throw BadInput(fmt::format("{}: its {} {} are not the responses that tuned the network ({} and {} voxels)", data.where(), model.hemisphere, model.roi,
                                   roi.column.size(), branch.column.size()),
                       "give the data set that tuned it, or another extraction of the same columns");
    return roi;
}

}  // namespace

FeatureNetwork::FeatureNetwork(const FeatureJob& job, const weights::Model& model, const FeaturePictures& pictures, torch::Device device)
    : job_(job), device_(device), backbone_(model.backbone), layers_(job.layers) {
    backbone_.load(model.parameters, torch::kFloat32, device);
    if (layers_.empty() && !job.embeddings) layers_ = weights::architecture(model.backbone).default_taps;
    backbone_.check_taps(layers_);
    taps_ = layers_;
    describe_layers(model.image_size);
    if (!job.embeddings) return;
    const std::string where = job.model.string(), output = backbone_.module_names().back();
    if (std::find(taps_.begin(), taps_.end(), output) == taps_.end()) taps_.push_back(output);
    branches_ = std::make_unique<Branches>();
    branches_->sizes = train::head_sizes(model.heads, where);
    std::vector<train::Branch> branch;
    if (pictures.data()) {
        const BranchOf own = branch_of(model, *pictures.data(), where);
        branches_->roi = tuned_responses(model, own, *pictures.data());
        branches_->measured = true;
        branch.push_back({own.name, static_cast<std::int64_t>(own.column.size())});
    }
    branches_->heads = std::make_unique<train::Heads>(true, branches_->sizes, branch, 0, torch::kFloat32, device, branches_->world);
    branches_->heads->load(model.heads, where);
    for (const char* of : {"image", "response"}) {
        if (!branches_->measured && of == std::string("response")) continue;
        arrays_.push_back({"embeddings", fmt::format("{}_h", of), {{"embedding", branches_->sizes.embedding}}, fmt::format("{} branch before the projection head", of)});
        arrays_.push_back({"embeddings", fmt::format("{}_z", of), {{"projection", branches_->sizes.projection}}, fmt::format("{} branch after the projection head", of)});
    }
}

FeatureNetwork::~FeatureNetwork() = default;

void FeatureNetwork::describe_layers(int image_size) {
    std::vector<std::vector<std::int64_t>> shape(layers_.size());
    if (!layers_.empty())
        backbone_.tapped(torch::zeros({1, 3, image_size, image_size}, device_), layers_, [&](const std::string& name, const Tensor& output) {
            shape[static_cast<std::size_t>(std::find(layers_.begin(), layers_.end(), name) - layers_.begin())] = pooled(output).sizes().vec();
        });
    for (std::size_t i = 0; i < layers_.size(); ++i) {
        features::FeatureArray a{"features", layers_[i], {}, "output of " + layers_[i]};
        const bool space = shape[i].size() == 4;
        const std::vector<const char*> axis = space ? std::vector{"_channel", "_row", "_column"} : std::vector{job_.pool == "none" || shape[i].size() != 2 ? "_unit" : "_channel"};
        for (std::size_t d = 1; d < shape[i].size(); ++d) a.axes.emplace_back(layers_[i] + axis[d - 1], shape[i][d]);
        arrays_.push_back(std::move(a));
    }
}

Tensor FeatureNetwork::pooled(const Tensor& output) const {
    if (output.dim() != 4 || job_.pool == "none") return output;
    return job_.pool == "max" ? output.amax({2, 3}) : output.mean({2, 3});
}

void FeatureNetwork::embed(FeaturePictures& pictures, const Tensor& logits, std::int64_t first, const ArraySink& sink) {
    torch::NoGradGuard no_gradients;
    const auto count = logits.size(0);
    const train::Rows rows{0, count, count};
    std::size_t array = layers_.size();
    const auto both = [&](const Tensor& hidden) {
        for (const Tensor& part : {hidden, branches_->heads->project(hidden, false, rows)}) {
            const Tensor plain = part.to(torch::kCPU).contiguous();
            sink(array++, first, count, plain.data_ptr<float>());
        }
    };
    both(branches_->heads->hidden_images(logits));
    if (!branches_->measured) return;
    const auto& all = pictures.rows();
    const std::vector<std::int64_t> own(all.begin() + first, all.begin() + first + count);
    const auto values = finite_responses(*pictures.data(), branches_->roi, own);
    both(branches_->heads->hidden_responses(0, torch::tensor(values).view({count, -1}).to(device_)));
}

void FeatureNetwork::run(FeaturePictures& pictures, std::int64_t begin, std::int64_t total, const ArraySink& sink, Reporter& reporter) {
    const auto read = [&](std::int64_t first, std::int64_t count) { return pictures.read(begin + first, count); };
    nn::forward_pass(backbone_, taps_, total, read, job_.batch, device_, [&](std::size_t tap, std::int64_t first, const Tensor& output) {
        if (tap < layers_.size()) {
            const Tensor plain = pooled(output).contiguous().to(torch::kCPU);
            sink(tap, begin + first, plain.size(0), plain.data_ptr<float>());
        }
        if (branches_ && taps_[tap] == backbone_.module_names().back()) embed(pictures, output.flatten(1), begin + first, sink);
    }, reporter);
}

}  // namespace cortune::engine
