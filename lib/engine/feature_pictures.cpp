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

FeaturePictures::FeaturePictures(const FeatureJob& job, const weights::Model& model, h5::Record& record)
    : size_(model.image_size), threads_(job.run.threads), crop_(job.fit == "crop") {
    if (fs::is_regular_file(job.images) && h5::is_hdf5(job.images)) {
        open_data(job, record);
        nn::check_image_size(*data_, model.backbone, model.image_size);
    } else {
        open_folder(job, record);
    }
}

void FeaturePictures::open_data(const FeatureJob& job, h5::Record& record) {
    if (crop_ || !job.image_namespace.empty())
        throw UsageError("--fit crop and --namespace are for folders: the pictures of a data set have their size and their ids");
    data_ = std::make_unique<const datasets::DatasetFile>(job.images);
    data_->input().register_in(record);
    content_ = data_->input().uuid();
    const auto& images = data_->images();
    for (std::size_t i = 0; i < images.id.size(); ++i) {
        const std::string side = datasets::split_names[static_cast<int>(images.split[i])];
        if (job.split != "all" && job.split != side) continue;
        rows_.push_back(static_cast<std::int64_t>(i));
        id_.push_back(images.id[i]);
        sha256_.push_back(images.sha256[i]);
        split_.push_back(side);
    }
    if (rows_.empty()) throw BadInput(fmt::format("{}: it has no {} images", data_->where(), job.split), "--split all takes them all");
}

void FeaturePictures::open_folder(const FeatureJob& job, h5::Record& record) {
    if (job.split != "all") throw UsageError("--split is for data sets: a folder has no split");
    source_ = images::open_source(job.images);
    content_ = images::source_sha256(*source_, threads_);
    record.add_input(job.images, content_);
    for (const auto& [name, version] : images::library_versions()) record.libraries[name] = version;
    std::string space = job.image_namespace;
    if (space.empty()) {  // photos/ and photos.zip: photos
        const auto path = fs::canonical(job.images);
        space = (fs::is_directory(path) ? path.filename() : path.stem()).string();
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
