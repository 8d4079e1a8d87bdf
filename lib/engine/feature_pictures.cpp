// SPDX-License-Identifier: BSD-3-Clause
#include "engine/feature_pictures.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.hpp"
#include "core/parallel.hpp"
#include "images/image.hpp"
#include "images/versions.hpp"

namespace fs = std::filesystem;

namespace cortune::engine {

FeaturePictures::FeaturePictures(const PictureChoice& choice, int threads, const weights::Model& model, h5::Record& record, Reporter& reporter)
    : size_(model.image_size), threads_(threads), crop_(choice.fit == "crop") {
    if (fs::is_regular_file(choice.images) && h5::is_hdf5(choice.images)) {
        open_data(choice, record);
        nn::check_image_size(*data_, model.backbone, model.image_size);
    } else {
        open_folder(choice, record, reporter);
    }
}

void FeaturePictures::open_data(const PictureChoice& choice, h5::Record& record) {
    if (crop_ || !choice.image_namespace.empty())
        throw UsageError("--fit crop and --namespace are for folders: the pictures of a data set have their size and their ids");
    data_ = std::make_unique<const datasets::DatasetFile>(choice.images);
    data_->input().register_in(record);
    content_ = data_->input().uuid();
    const auto& images = data_->images();
    for (std::size_t i = 0; i < images.id.size(); ++i) {
        const std::string side = datasets::split_names[static_cast<int>(images.split[i])];
        if (choice.split != "all" && choice.split != side) continue;
        rows_.push_back(static_cast<std::int64_t>(i));
        id_.push_back(images.id[i]);
        sha256_.push_back(images.sha256[i]);
        split_.push_back(side);
    }
    if (rows_.empty()) throw BadInput(fmt::format("{}: it has no {} images", data_->where(), choice.split), "--split all takes them all");
}

void FeaturePictures::open_folder(const PictureChoice& choice, h5::Record& record, Reporter& reporter) {
    if (choice.split != "all") throw UsageError("--split is for data sets: a folder has no split");
    source_ = images::open_source(choice.images);
    if (const auto text = images::left_out_text(*source_); !text.empty()) reporter.warn(text);
    content_ = images::source_sha256(*source_, threads_);
    record.add_input(choice.images, content_);
    for (const auto& [name, version] : images::library_versions()) record.libraries[name] = version;
    std::string space = choice.image_namespace;
    if (space.find(':') != std::string::npos) throw UsageError("--namespace: no colon, which ends it in an id");
    if (space.empty()) {  // photos/ and photos.zip: photos
        const auto path = fs::canonical(choice.images);
        space = (fs::is_directory(path) ? path.filename() : path.stem()).string();
        std::replace(space.begin(), space.end(), ':', '_');
    }
    for (const auto& name : source_->names()) id_.push_back(space + ':' + name);
    sha256_.resize(id_.size());
}

torch::Tensor FeaturePictures::read(std::int64_t first, std::int64_t count) {
    if (data_) return nn::read_pixel_rows(*data_, std::span(rows_).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
    auto pixels = torch::empty({count, size_, size_, 3}, torch::kUInt8);
    auto* out = pixels.data_ptr<std::uint8_t>();
    const auto bytes = static_cast<std::size_t>(size_) * static_cast<std::size_t>(size_) * 3;
    parallel_for(static_cast<std::size_t>(count), threads_, [&](std::size_t i) {
        const auto at = static_cast<std::size_t>(first) + i;
        const auto picture = source_->picture(at);
        sha256_[at] = images::pixel_sha256(picture);
        const auto fitted = crop_ ? images::resize_and_crop(picture, size_) : images::resize_bilinear(picture, size_, size_);
        std::copy(fitted.rgb.begin(), fitted.rgb.end(), out + i * bytes);
    });
    return pixels;
}

}  // namespace cortune::engine
