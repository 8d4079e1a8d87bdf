// SPDX-License-Identifier: BSD-3-Clause
// The pictures that features are made of: rows of a data set, or the files of a folder or archive.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.hpp"
#include "engine/engine.hpp"
#include "images/source.hpp"
#include "nn/features.hpp"
#include "weights/model_file.hpp"

namespace cortune::engine {

class FeaturePictures {
  public:
    // `record` gets the data set as parent, or the folder with its hash as input. Throws BadInput for pictures of a
    // data set that have another size than the network's, UsageError for options that do not go with what `choice.images` is.
    // `reporter` hears of pictures that are left out.
    FeaturePictures(const PictureChoice& choice, int threads, const weights::Model& model, h5::Record& record, Reporter& reporter);

    const std::vector<std::string>& id() const { return id_; }
    const std::vector<std::string>& split() const { return split_; }  // empty for a folder
    const datasets::DatasetFile* data() const { return data_.get(); }  // null for a folder
    const std::vector<std::int64_t>& rows() const { return rows_; }    // of the data set
    const std::string& content() const { return content_; }            // identity of all of them: uuid, or hash of the files
    std::string sha256(std::int64_t i) const { return sha256_[static_cast<std::size_t>(i)]; }  // of a folder's picture, once it was read
    // uint8 (count, size, size, 3).
    torch::Tensor read(std::int64_t first, std::int64_t count);

  private:
    void open_data(const PictureChoice& choice, h5::Record& record);
    void open_folder(const PictureChoice& choice, h5::Record& record, Reporter& reporter);
    std::unique_ptr<const datasets::DatasetFile> data_;
    std::shared_ptr<const images::Source> source_;
    std::vector<std::int64_t> rows_;
    std::vector<std::string> id_, sha256_, split_;
    std::string content_;
    int size_, threads_;
    bool crop_;
};

}  // namespace cortune::engine
