// SPDX-License-Identifier: BSD-3-Clause
// --predict: a new set of images through the network once, then through the saved
// PCA bases and coefficients of an encoding file.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "core/error.hpp"
#include "core/text.hpp"
#include "encode/saved_weights.hpp"
#include "engine/encode_job.hpp"
#include "engine/feature_pictures.hpp"
#include "engine/inputs.hpp"
#include "linalg/gram.hpp"
#include "nn/backbone.hpp"
#include "nn/device.hpp"
#include "nn/features.hpp"
#include "weights/model_file.hpp"

namespace cortune::engine {
namespace {

using linalg::RowMatrixF;

struct LayerMap {
    encode::SavedLayer weights;
    RowMatrixF scores;  // images × components
};

// The layers that the file has weights of, in the backbone's order.
std::vector<std::string> stored_layers(const encode::EncodingFile& file, const nn::Backbone& backbone) {
    const auto found = encode::saved_layers(file);
    std::vector<std::string> out;
    for (const auto& name : backbone.module_names())
        if (std::find(found.begin(), found.end(), name) != found.end()) out.push_back(name);
    return out;
}

// Whether column i of the one hemisphere is column i of the other: the same vertices of a space, or, where
// columns have nothing but their number, the same data set, or the user's word.
bool same_columns(const datasets::Hemisphere& h, const encode::RoiEncoding& roi, bool same_units) {
    if (h.space != roi.space || (roi.space == "index" && !same_units)) return false;
    for (std::size_t i = 0; i < roi.column.size(); ++i) {
        const auto c = static_cast<std::size_t>(roi.column[i]);
        if (c >= h.vertex.size() || h.vertex[c] != roi.vertex[i]) return false;
    }
    return true;
}

// True responses and ceilings where the new data set is of the same subject and has these
// very vertices; else NaN and none, since no one measured them. Returns whether they are there.
bool take_truth(const FeaturePictures& pictures, const std::string& subject, bool same_units, encode::RoiEncoding& roi) {
    roi.response.assign(pictures.id().size() * roi.column.size(), std::numeric_limits<float>::quiet_NaN());
    roi.noise_ceiling.clear();
    if (!pictures.data()) return false;
    const auto& data = *pictures.data();
    const auto& rows = pictures.rows();
    const auto& all = data.hemispheres();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& h) { return h.name == roi.hemisphere; });
    if (data.header().subject != subject || found == all.end() || !same_columns(*found, roi, same_units)) return false;
    roi.response = data.responses(roi.hemisphere, rows, std::vector<std::int64_t>(roi.column.begin(), roi.column.end()));
    roi.ceiling_mode = found->ceiling_mode;
    if (const auto ceiling = data.noise_ceiling(roi.hemisphere, rows); !ceiling.empty())
        for (auto c : roi.column) roi.noise_ceiling.push_back(ceiling[static_cast<std::size_t>(c)]);
    return true;
}

void describe_pictures(encode::EncodingHeader& h, const FeaturePictures& pictures) {
    h.protocol = "predicted";
    h.dataset_uuid = pictures.content();
    h.image = pictures.id();
    h.image_sha256.clear();
    for (std::size_t i = 0; i < h.image.size(); ++i) h.image_sha256.push_back(pictures.sha256(static_cast<std::int64_t>(i)));
    h.run.clear();
    h.fold.assign(h.image.size(), -1);
    if (!pictures.data()) return;
    h.run = pictures.data()->images().run;
    // What was found in the data that the ridge was fitted on stays true.
    for (const auto& text : pictures.data()->warnings()) h.data_warnings.push_back("predicted images: " + text);
    for (const auto& text : pictures.data()->passed_checks()) h.data_checks.push_back("predicted images: " + text);
}

// Images that tuned the network or that the ridge was fitted on are no test of either.
void judge_prediction(encode::EncodingHeader& h, const std::string& where, bool allow) {
    std::vector<std::string> reasons;
    const auto count = [&](const auto& ids, const auto& sha256, const char* what) {
        if (const auto n = encode::count_tuned(h.image, h.image_sha256, ids, sha256); n > 0)
            reasons.push_back(fmt::format("{} of {} images {}", n, h.image.size(), what));
    };
    count(h.tuned_image, h.tuned_sha256, "tuned the network");
    count(h.fitted_image, h.fitted_sha256, "were fitted on");
    if (!reasons.empty() && !allow)
        throw BadInput(where + ": " + join(reasons, ", "), "--allow-tuned-images predicts them and marks the result optimistic");
    h.optimistic = !reasons.empty();
    h.optimistic_reason = join(reasons, "; ");
}

}  // namespace

void run_predict(const EncodeJob& job, Reporter& reporter) {
    h5::check_target(job.run.output, job.run.overwrite, "encoding");
    h5::Record record = job.run.record;
    const encode::EncodingFile source(job.dataset);
    source.input().register_in(record);
    const weights::Model model = weights::load_network(job.model, record);
    if (weights::parameters_sha256(model.parameters) != source.header().model_sha256)
        throw BadInput(fmt::format("{}: its weights belong to another model than {}", job.dataset.string(), job.model.string()),
                       "give the model that the encoding was made with");
    FeaturePictures pictures(job.predict, job.run.threads, model, record, reporter);
    encode::EncodingHeader header = source.header();
    const bool same_units = job.same_units || header.dataset_uuid == pictures.content();
    const auto judge = [&] {
        describe_pictures(header, pictures);
        judge_prediction(header, job.predict.images.string(), job.allow_tuned_images);
    };
    const torch::Device device = nn::choose_device(job.run.device, job.run.threads);
    nn::describe(record, device);
    nn::Backbone backbone(model.backbone);
    backbone.load(model.parameters, torch::kFloat32, device);

    const auto layers = stored_layers(source, backbone);
    if (pictures.data()) judge();  // a folder's hashes are known when it was read
    const auto images = static_cast<Eigen::Index>(pictures.id().size());
    std::map<std::string, LayerMap> maps;
    for (const auto& name : layers) {
        auto& m = maps[name];
        m.weights = encode::read_saved_layer(source, name);
        m.scores.resize(images, m.weights.basis.cols());
    }
    const auto read = [&](std::int64_t first, std::int64_t count) { return pictures.read(first, count); };
    nn::extract_features(backbone, layers, images, read, job.batch, device,
                         [&](std::size_t layer, std::int64_t first, std::int64_t count, const float* values) {
                             auto& m = maps.at(layers[layer]);
                             RowMatrixF x = Eigen::Map<const RowMatrixF>(values, count, m.weights.mean.size());
                             x.rowwise() -= m.weights.mean;
                             m.scores.middleRows(first, count) = x * m.weights.basis;
                         }, reporter);
    if (!pictures.data()) judge();

    std::size_t unmeasured = 0;
    encode::EncodingWriter writer(job.run.output, record, job.run.overwrite, header);
    for (const auto& path : source.roi_paths()) {
        encode::RoiEncoding roi = source.read(path);
        const auto weights = encode::read_saved_region(source, path);
        RowMatrixF predicted = maps.at(weights.layer).scores * weights.coef;
        predicted.rowwise() += weights.intercept;
        roi.prediction.assign(predicted.data(), predicted.data() + predicted.size());
        unmeasured += !take_truth(pictures, header.subject, same_units, roi);
        writer.add(roi);
    }
    // Of mere pictures nobody expects responses.
    if (unmeasured > 0 && pictures.data())
        reporter.warn(fmt::format("{}: no responses of the encoding's voxels in {} of {} ROIs; theirs are NaN and cannot be scored{}", pictures.data()->where(),
                                  unmeasured, source.roi_paths().size(), same_units ? "" : " (columns without vertices: --same-units says that they are the same)"));
    writer.commit();
    reporter.info(fmt::format("{}: {} pictures, {} ROIs", job.run.output.string(), images, source.roi_paths().size()));
    if (header.optimistic) reporter.warn("the predictions are optimistic: " + header.optimistic_reason);
}

}  // namespace cortune::engine
