// SPDX-License-Identifier: BSD-3-Clause
#include "encode/pairing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "core/error.hpp"
#include "core/hash.hpp"

namespace cortune::encode {
namespace {

using Eigen::Index;
using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// For every key of `wanted` its place in `have`, −1 where absent.
template <class Key>
std::vector<Index> places(const std::vector<Key>& wanted, const std::vector<Key>& have,
                          const std::string& where, const char* what) {
    std::unordered_map<Key, Index> at;
    for (std::size_t i = 0; i < have.size(); ++i)
        if (!at.emplace(have[i], static_cast<Index>(i)).second)
            throw BadInput(fmt::format("{}: {} {} is there twice", where, what, have[i]));
    std::vector<Index> out;
    for (const auto& key : wanted) {
        const auto found = at.find(key);
        out.push_back(found == at.end() ? -1 : found->second);
    }
    return out;
}

Index missing(const std::vector<Index>& place) {
    return static_cast<Index>(std::count(place.begin(), place.end(), Index{-1}));
}

void check_pictures(const RoiSource& a, const RoiSource& b, const std::vector<Index>& place) {
    const auto &ha = a.file->header(), &hb = b.file->header();
    for (std::size_t i = 0; i < place.size(); ++i)
        if (place[i] >= 0 && ha.image_sha256[i] != hb.image_sha256[static_cast<std::size_t>(place[i])])
            throw BadInput(fmt::format("{}: image '{}' is another picture than in {}",
                                       b.file->input().path().string(), ha.image[i],
                                       a.file->input().path().string()),
                           "give different pictures different names (--namespace) when extracting");
}

// Rows of `b` for the images of `a`.
std::vector<Index> image_places(const RoiSource& a, const RoiSource& b, bool common_images) {
    const auto &ha = a.file->header(), &hb = b.file->header();
    auto place = places(ha.image, hb.image, b.file->input().path().string() + ":/image", "image");
    const Index lacking = missing(place);
    const Index extra = static_cast<Index>(hb.image.size() - ha.image.size()) + lacking;
    if ((lacking > 0 || extra > 0) && !common_images)
        throw BadInput(fmt::format("{}: scored images differ from those of {}: {} of {} are missing, {} are new",
                                   b.where(), a.file->input().path().string(), lacking, ha.image.size(), extra),
                         lacking == static_cast<Index>(ha.image.size()) ? "they have none in common: encode them from one data set, with the same --protocol and --score"
                                                                       : "--common-images compares on the images that all models scored");
    check_pictures(a, b, place);
    return place;
}

std::vector<Index> voxel_places(const RoiEncoding& a, const RoiSource& source, const RoiEncoding& b) {
    auto place = places(a.vertex, b.vertex, source.where() + "/vertex", "vertex");
    const Index lacking = missing(place);
    if (lacking > 0 || a.vertex.size() != b.vertex.size())
        throw BadInput(fmt::format("{}/vertex: the first model has {} voxels here, this one {}, and {} of the "
                                   "first's are missing",
                                   source.where(), a.vertex.size(), b.vertex.size(), lacking),
                       "were both encoded from the same data set and ROI?");
    return place;
}

Eigen::MatrixXf reorder(const std::vector<float>& values, const EncodingHeader& header,
                        const std::vector<Index>& images, const std::vector<Index>& voxels) {
    const Eigen::Map<const RowMajor> all(values.data(), static_cast<Index>(header.image.size()),
                                         static_cast<Index>(voxels.size()));
    return all(images, voxels);
}

// A paired test exchanges predictions, which makes sense only for predictions of the
// same values: another normalisation of the responses would go unnoticed by r.
void check_responses(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b, const RoiSource& source) {
    for (Index v = 0; v < a.cols(); ++v)
        for (Index i = 0; i < a.rows(); ++i) {
            const float x = a(i, v), y = b(i, v);
            if (x == y || (!std::isfinite(x) && !std::isfinite(y))) continue;
            if (!(std::abs(x - y) <= 1e-5F * (1 + std::abs(x))))
                throw BadInput(fmt::format("{}/response: the first model was encoded from other responses ({} and "
                                           "{} for one image and voxel)", source.where(), x, y),
                               "encode all models from the same data set, with the same --normalize");
        }
}

struct Loaded {
    RoiEncoding roi;
    std::vector<Index> image, voxel;  // places of the first model's
};

std::vector<double> mean_by_layer(const RoiEncoding& roi) {
    std::vector<double> out;
    const std::size_t voxels = roi.vertex.size();
    for (std::size_t first = 0; voxels > 0 && first + voxels <= roi.cv_r.size(); first += voxels) {
        double sum = 0;
        std::int64_t known = 0;
        for (std::size_t v = first; v < first + voxels; ++v)
            if (std::isfinite(roi.cv_r[v])) sum += static_cast<double>(roi.cv_r[v]), ++known;
        out.push_back(known > 0 ? sum / static_cast<double>(known) : std::nan(""));
    }
    return out;
}

}  // namespace

Leaks find_leaks(const EncodingHeader& h) {
    Leaks out;
    out.tuned = count_tuned(h.image, h.image_sha256, h.tuned_image, h.tuned_sha256);
    if (h.protocol == "held-out" || h.protocol == "predicted") out.fitted = count_tuned(h.image, h.image_sha256, h.fitted_image, h.fitted_sha256);
    return out;
}

RoiEncoding read_source(const RoiSource& source) {
    if (source.paths.size() == 1) return source.file->read(source.paths[0]);
    std::vector<RoiEncoding> parts;
    std::map<std::int32_t, std::pair<std::size_t, std::size_t>> place;  // vertex → part, column
    for (const auto& path : source.paths) {
        parts.push_back(source.file->read(path));
        for (std::size_t v = 0; v < parts.back().vertex.size(); ++v)
            place.emplace(parts.back().vertex[v], std::pair(parts.size() - 1, v));
    }
    RoiEncoding out;
    out.hemisphere = parts[0].hemisphere;
    out.roi_class = parts[0].roi_class;
    out.space = parts[0].space;
    out.ceiling_mode = parts[0].ceiling_mode;
    bool ceilings = true;
    for (const auto& part : parts) {
        out.roi += (out.roi.empty() ? "" : "+") + part.roi;
        ceilings &= !part.noise_ceiling.empty();
    }
    for (const auto& [vertex, at] : place) {
        const RoiEncoding& part = parts[at.first];
        out.vertex.push_back(vertex);
        out.column.push_back(part.column[at.second]);
        if (ceilings) out.noise_ceiling.push_back(part.noise_ceiling[at.second]);
    }
    const std::size_t images = source.file->header().image.size();
    for (std::size_t i = 0; i < images; ++i)
        for (const auto& [vertex, at] : place) {
            const RoiEncoding& part = parts[at.first];
            const std::size_t from = i * part.vertex.size() + at.second;
            out.prediction.push_back(part.prediction[from]);
            out.response.push_back(part.response[from]);
        }
    return out;
}

PairedRoi pair_roi(const std::vector<RoiSource>& sources, bool common_images) {
    std::vector<Loaded> loaded(sources.size());
    const RoiSource& first = sources.at(0);
    std::vector<Index> shared;  // rows of the first model
    for (std::size_t m = 0; m < sources.size(); ++m) {
        if (!sources[m].file) continue;
        loaded[m].roi = read_source(sources[m]);
        loaded[m].image = image_places(first, sources[m], common_images);
        loaded[m].voxel = voxel_places(loaded[0].roi, sources[m], loaded[m].roi);
    }
    for (std::size_t i = 0; i < first.file->header().image.size(); ++i) {
        bool everywhere = true;
        for (const auto& model : loaded) everywhere &= model.image.empty() || model.image[i] >= 0;
        if (everywhere) shared.push_back(static_cast<Index>(i));
    }
    if (shared.empty()) throw BadInput(first.where() + ": the models share no scored image");

    // In one order whatever the files': resamples of several regions then draw the same images.
    const auto& ids = first.file->header().image;
    const auto id = [&](Index i) -> const std::string& { return ids[static_cast<std::size_t>(i)]; };
    std::sort(shared.begin(), shared.end(), [&](Index a, Index b) { return id(a) < id(b); });

    PairedRoi out;
    std::string all;
    for (const Index i : shared) all += id(i) + '\n';
    out.images = hash64(all);
    if (const auto& run = first.file->header().run; !run.empty())
        for (const Index i : shared) out.run.push_back(run[static_cast<std::size_t>(i)]);
    out.prediction.resize(sources.size());
    out.fold.resize(sources.size());
    for (std::size_t m = 0; m < sources.size(); ++m) {
        if (!sources[m].file) continue;
        const EncodingHeader& header = sources[m].file->header();
        std::vector<Index> images;
        for (const Index i : shared) images.push_back(loaded[m].image[static_cast<std::size_t>(i)]);
        for (const Index i : images) out.fold[m].push_back(header.fold[static_cast<std::size_t>(i)]);
        out.prediction[m] = reorder(loaded[m].roi.prediction, header, images, loaded[m].voxel);
        Eigen::MatrixXf response = reorder(loaded[m].roi.response, header, images, loaded[m].voxel);
        if (m == 0) out.response = std::move(response);
        else check_responses(out.response, response, sources[m]);
    }
    for (const auto& model : loaded) out.layer_r.push_back(mean_by_layer(model.roi));
    out.first = std::move(loaded[0].roi);
    return out;
}

}  // namespace cortune::encode
