// SPDX-License-Identifier: BSD-3-Clause
#include "engine/embedding_heads.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "core/text.hpp"
#include "engine/inputs.hpp"

namespace cortune::engine {
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

EmbeddingHeads::EmbeddingHeads(const weights::Model& model, const datasets::DatasetFile* data, const std::string& where, torch::Device device)
    : sizes_(train::head_sizes(model.heads, where)), data_(data), device_(device) {
    std::vector<train::Branch> branch;
    if (data) {
        const BranchOf own = branch_of(model, *data, where);
        roi_ = tuned_responses(model, own, *data);
        branch.push_back({own.name, static_cast<std::int64_t>(own.column.size())});
    }
    heads_ = std::make_unique<train::Heads>(true, sizes_, branch, 0, torch::kFloat32, device, world_);
    heads_->load(model.heads, where);
}

torch::Tensor EmbeddingHeads::hidden_responses(const std::vector<std::int64_t>& rows) const {
    const auto values = finite_responses(*data_, roi_, rows);
    return heads_->hidden_responses(0, torch::tensor(values).view({static_cast<std::int64_t>(rows.size()), -1}).to(device_));
}

torch::Tensor EmbeddingHeads::project(const torch::Tensor& hidden) const {
    const auto count = hidden.size(0);
    return heads_->project(hidden, false, {0, count, count});
}

}  // namespace cortune::engine
