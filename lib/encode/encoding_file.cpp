// SPDX-License-Identifier: BSD-3-Clause
#include "encode/encoding_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "core/error.hpp"
#include "core/text.hpp"
#include "images/source.hpp"

namespace cortune::encode {
namespace {

std::string shape_text(const h5::Shape& shape) {
    std::vector<std::string> parts;
    for (const auto extent : shape) parts.push_back(std::to_string(extent));
    return "(" + join(parts) + ")";
}

h5::Dataset of_shape(const h5::Node& node, const std::string& name, const h5::Shape& expected) {
    h5::Dataset out = node.dataset(name);
    if (out.shape() != expected)
        throw BadInput(fmt::format("{}: expected {}, found {}", out.where(), shape_text(expected),
                                   shape_text(out.shape())));
    return out;
}

void same_length(const std::string& where, std::size_t found, std::size_t expected) {
    if (found != expected)
        throw BadInput(fmt::format("{}: expected ({}), found ({})", where, expected, found));
}

EncodingHeader read_header(const h5::Node& root) {
    EncodingHeader out;
    out.subject = root.attr_string("subject");
    out.dataset_uuid = root.attr_string("dataset_uuid");
    out.model_uuid = root.attr_string("model_uuid");
    out.model_sha256 = root.attr_string("model_sha256");
    out.backbone = root.attr_string("backbone");
    out.method = root.attr_string("method");
    out.protocol = root.attr_string("protocol");
    out.optimistic = root.attr_int("optimistic") != 0;
    out.optimistic_reason = root.attr_string("optimistic_reason");
    // The mark cannot be taken off: both protocols report what they selected on.
    if (!out.optimistic && (out.protocol == "paper" || out.protocol == "train-cv"))
        throw BadInput(fmt::format("{}: attribute 'optimistic' is 0, and protocol {} always is optimistic", root.where(), out.protocol));
    if (!out.optimistic && !out.optimistic_reason.empty())
        throw BadInput(fmt::format("{}: attribute 'optimistic' is 0 beside the reason '{}'", root.where(), out.optimistic_reason));
    if (root.has_attr("tuned_to")) out.tuned_to = root.attr_string("tuned_to");
    if (root.has_attr("data_warnings")) out.data_warnings = root.attr_strings("data_warnings");
    if (root.has("data_checks")) out.data_checks = root.dataset("data_checks").read_strings();
    out.layer = root.dataset("layer").read_strings();
    out.alpha_grid = root.dataset("alpha_grid").read<double>();
    out.image = root.dataset("image").read_strings();
    const h5::Shape images = {out.image.size()};
    out.image_sha256 = of_shape(root, "image_sha256", images).read_strings();
    out.fold = of_shape(root, "fold", images).read<std::int16_t>();
    if (root.has("run")) out.run = of_shape(root, "run", images).read<std::int32_t>();
    if (root.has("fitted")) {
        out.fitted_image = root.dataset("fitted/image").read_strings();
        out.fitted_sha256 = of_shape(root, "fitted/sha256", {out.fitted_image.size()}).read_strings();
    }
    if (root.has("tuned")) {
        out.tuned_image = root.dataset("tuned/image").read_strings();
        out.tuned_sha256 = of_shape(root, "tuned/sha256", {out.tuned_image.size()}).read_strings();
    } else if (out.method != "untuned") {
        throw BadInput(fmt::format("{}tuned: this group is missing, and method is '{}'", root.where(), out.method),
                       "without the list of images that tuned the model its scores cannot be trusted");
    }
    return out;
}

void write_images(h5::Node& root, const std::string& group, const std::vector<std::string>& ids,
                  const std::vector<std::string>& sha256, const std::string& what) {
    if (ids.empty()) return;
    h5::Node node = root.create_group(group);
    node.scale("image", ids, {what});
    node.put_strings("sha256", {"image"}, sha256, {"SHA-256 of the decoded source pixels"});
}

std::vector<std::string> find_rois(const h5::Node& root) {
    std::vector<std::string> out;
    const h5::Node results = root.group("results");
    for (const auto& hemisphere : results.children()) {
        const h5::Node classes = results.group(hemisphere);
        for (const auto& roi_class : classes.children()) {
            const h5::Node rois = classes.group(roi_class);
            for (const auto& roi : rois.children())
                if (rois.is_group(roi))
                    out.push_back(fmt::format("results/{}/{}/{}", hemisphere, roi_class, roi));
        }
    }
    if (out.empty()) throw BadInput(results.where() + ": holds no ROI");
    return out;
}

}  // namespace

std::vector<std::int16_t> mark_tuned(const std::vector<std::string>& ids, const std::vector<std::string>& sha256,
                                     const std::vector<std::string>& tuned_ids, const std::vector<std::string>& tuned_sha256) {
    // A folder's pictures have their file's ending in their ids, a data set's have none.
    std::unordered_set<std::string> by_id;
    for (const auto& id : tuned_ids) by_id.insert(images::without_ending(id));
    const std::unordered_set<std::string> by_pixels(tuned_sha256.begin(), tuned_sha256.end());
    std::vector<std::int16_t> out;
    for (std::size_t i = 0; i < ids.size(); ++i) out.push_back(by_id.contains(images::without_ending(ids[i])) || by_pixels.contains(sha256[i]) ? 1 : 0);
    return out;
}

std::int64_t count_tuned(const std::vector<std::string>& ids, const std::vector<std::string>& sha256,
                         const std::vector<std::string>& tuned_ids, const std::vector<std::string>& tuned_sha256) {
    const auto marks = mark_tuned(ids, sha256, tuned_ids, tuned_sha256);
    return std::count(marks.begin(), marks.end(), 1);
}

EncodingWriter::EncodingWriter(const std::filesystem::path& path, const h5::Record& record,
                               bool overwrite, const EncodingHeader& header)
    : file_(path, "encoding", record, overwrite), header_(header) {
    h5::Node& root = file_.root();
    root.attr("subject", header.subject);
    root.attr("dataset_uuid", header.dataset_uuid);
    root.attr("model_uuid", header.model_uuid);
    root.attr("model_sha256", header.model_sha256);
    root.attr("backbone", header.backbone);
    root.attr("method", header.method);
    root.attr("protocol", header.protocol);
    root.attr("optimistic", header.optimistic ? 1 : 0);
    root.attr("optimistic_reason", header.optimistic_reason);
    if (!header.tuned_to.empty()) root.attr("tuned_to", header.tuned_to);
    if (!header.data_warnings.empty()) root.attr("data_warnings", header.data_warnings);
    // A data set, not an attribute: those are limited to 64 KiB.
    if (!header.data_checks.empty()) root.scale("data_checks", header.data_checks, {"what the extraction of the data looked at without finding a fault"});
    root.scale("image", header.image, {"scored image"});
    root.put_strings("image_sha256", {"image"}, header.image_sha256,
                     {"SHA-256 of the decoded source pixels"});
    root.put("fold", {"image"}, header.fold, {"fold in which the image was predicted; -1: the test set"});
    if (!header.run.empty()) root.put("run", {"image"}, header.run, {"run that holds all presentations; 0: several"});
    root.scale("layer", header.layer, {"tapped layer"});
    root.scale("alpha_grid", header.alpha_grid, {"ridge penalties tried"});
    write_images(root, "tuned", header.tuned_image, header.tuned_sha256, "image that tuned the model");
    write_images(root, "fitted", header.fitted_image, header.fitted_sha256, "image that the ridge was fitted on");
}

void EncodingWriter::add(const RoiEncoding& roi) {
    const std::size_t voxels = roi.column.size(), layers = header_.layer.size(),
                      images = header_.image.size();
    const std::string path = fmt::format("results/{}/{}/{}", link_name(roi.hemisphere),
                                         link_name(roi.roi_class), link_name(roi.roi));
    same_length(path + "/vertex", roi.vertex.size(), voxels);
    same_length(path + "/cv_r", roi.cv_r.size(), layers * voxels);
    same_length(path + "/alpha", roi.alpha.size(), layers * voxels);
    same_length(path + "/prediction", roi.prediction.size(), images * voxels);
    same_length(path + "/response", roi.response.size(), images * voxels);
    if (!roi.noise_ceiling.empty()) same_length(path + "/noise_ceiling", roi.noise_ceiling.size(), voxels);

    h5::Node group = file_.root().create_group(path);
    group.attr("hemisphere", roi.hemisphere);
    group.attr("roi_class", roi.roi_class);
    group.attr("roi", roi.roi);
    group.attr("space", roi.space);
    group.attr("chosen_layer", header_.layer.at(static_cast<std::size_t>(roi.chosen_layer)));
    group.scale("voxel", roi.column, {"column of the data set's responses"});
    group.put("vertex", {"voxel"}, roi.vertex, {"index of the voxel in the subject's space"});
    group.put("cv_r", {"layer", "voxel"}, roi.cv_r, {"cross-validated Pearson r at the best penalty"});
    group.put("alpha", {"layer", "voxel"}, roi.alpha, {"best ridge penalty"});
    group.put("prediction", {"image", "voxel"}, roi.prediction, {"predicted response, chosen layer"});
    group.put("response", {"image", "voxel"}, roi.response, {"measured response"});
    if (!roi.noise_ceiling.empty())
        group.put("noise_ceiling", {"voxel"}, roi.noise_ceiling, {"explainable share of variance"}).attr("mode", roi.ceiling_mode);
}

EncodingFile::EncodingFile(const std::filesystem::path& path)
    : input_(path, {"encoding"}), header_(read_header(input_.root())), paths_(find_rois(input_.root())) {}

RoiEncoding EncodingFile::read(const std::string& roi_path) const {
    const h5::Node group = input_.root().group(roi_path);
    RoiEncoding out;
    out.hemisphere = group.attr_string("hemisphere");
    out.roi_class = group.attr_string("roi_class");
    out.roi = group.attr_string("roi");
    if (group.has_attr("space")) out.space = group.attr_string("space");
    out.column = group.dataset("voxel").read<std::int32_t>();
    const std::uint64_t voxels = out.column.size(), layers = header_.layer.size(),
                        images = header_.image.size();
    out.vertex = of_shape(group, "vertex", {voxels}).read<std::int32_t>();
    out.cv_r = of_shape(group, "cv_r", {layers, voxels}).read<float>();
    out.alpha = of_shape(group, "alpha", {layers, voxels}).read<double>();
    out.prediction = of_shape(group, "prediction", {images, voxels}).read<float>();
    out.response = of_shape(group, "response", {images, voxels}).read<float>();
    if (group.has("noise_ceiling")) {
        const auto stored = of_shape(group, "noise_ceiling", {voxels});
        out.noise_ceiling = stored.read<float>();
        out.ceiling_mode = stored.has_attr("mode") ? stored.attr_string("mode") : "file";
    }
    const std::string tap = group.attr_string("chosen_layer");
    const auto found = std::find(header_.layer.begin(), header_.layer.end(), tap);
    if (found == header_.layer.end())
        throw BadInput(fmt::format("{}: chosen_layer '{}' is none of the file's layers", group.where(), tap),
                       "layers: " + join(nearest_first(tap, header_.layer)));
    out.chosen_layer = static_cast<int>(found - header_.layer.begin());
    return out;
}

}  // namespace cortune::encode
