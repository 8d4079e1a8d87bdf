// SPDX-License-Identifier: BSD-3-Clause
// The contrastive heads of a tuned network in evaluation mode, with the responses of the subject whose pictures are looked at.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.hpp"
#include "train/heads.hpp"
#include "weights/model_file.hpp"

namespace cortune::engine {

class EmbeddingHeads {
  public:
    // data: of the pictures, null for a folder, which has no responses; outlives the heads. Throws BadInput beginning with
    // `where` or the data set where the network has no contrastive heads, or the responses are not those that tuned it.
    EmbeddingHeads(const weights::Model& model, const datasets::DatasetFile* data, const std::string& where, torch::Device device);

    const train::HeadSizes& sizes() const { return sizes_; }
    bool measured() const { return data_ != nullptr; }  // there are responses
    torch::Tensor hidden_images(const torch::Tensor& logits) const { return heads_->hidden_images(logits); }  // n × h
    torch::Tensor hidden_responses(const std::vector<std::int64_t>& rows) const;  // of the data set; n × h
    torch::Tensor project(const torch::Tensor& hidden) const;                     // n × z

  private:
    train::World world_;
    train::HeadSizes sizes_;
    std::unique_ptr<train::Heads> heads_;
    const datasets::DatasetFile* data_;
    datasets::Roi roi_;
    torch::Device device_;
};

}  // namespace cortune::engine
