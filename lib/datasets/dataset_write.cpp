// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/dataset.hpp"

namespace cortune::datasets {
namespace {

void require(bool fine, const std::string& what) {
    if (!fine) throw std::logic_error("DatasetWriter: " + what);
}

void check(const ImageTable& images, const std::vector<Hemisphere>& hemispheres) {
    const std::size_t n = images.id.size();
    require(n > 0, "no images");
    require(images.split.size() == n, "the split has another length than the images");
    require(images.repeats.empty() || images.repeats.size() == n, "repeats of another length");
    require(images.run.empty() || images.run.size() == n, "runs of another length");
    require(images.sha256.empty() || images.sha256.size() == n, "hashes of another length");
    require(!hemispheres.empty(), "no hemisphere");
    for (const Hemisphere& h : hemispheres) {
        require(h.name == "lh" || h.name == "rh" || h.name == "all", "hemisphere '" + h.name + "'");
        const std::size_t v = h.vertex.size();
        require(h.noise_ceiling.empty() || h.noise_ceiling.size() == v, "a ceiling of another length");
        for (const RoiClass& c : h.roi_classes)
            require(c.label.size() == v && c.label_value.size() == c.label_name.size(),
                    "ROI class " + c.name + " of another length");
    }
    std::set<std::string> seen;
    for (const std::string& id : images.id)
        if (!seen.insert(id).second)
            throw BadInput(fmt::format("image '{}' occurs twice", id),
                           "ids name pictures: give each session a namespace of its own");
}

void write_header(h5::Node& root, const DatasetHeader& header, const std::vector<Hemisphere>& hemispheres) {
    std::vector<std::string> names;
    for (const Hemisphere& h : hemispheres) names.push_back(h.name);
    root.attr("subject", header.subject);
    root.attr("layout", header.layout);
    root.attr("image_namespace", header.image_namespace);
    root.attr("image_size", header.image_size);
    root.attr("split_seed", header.split_seed);
    root.attr("test_share", header.test_share);
    root.attr("split_rule", header.split_rule);
    root.attr("hemispheres", names);
}

void write_images(h5::Node& root, const DatasetHeader& header, const ImageTable& images) {
    const auto size = static_cast<std::uint64_t>(header.image_size);
    const std::vector<std::string> channels{"red", "green", "blue"};
    root.scale("image", images.id, {"image id, <namespace>:<name>"});
    root.index_scale("y", size, {"row of the picture, from the top", "pixel"});
    root.index_scale("x", size, {"column of the picture, from the left", "pixel"});
    root.scale("channel", channels, {"colour channel"});
    std::vector<std::uint8_t> split;
    for (Split s : images.split) split.push_back(static_cast<std::uint8_t>(s));
    auto d = root.put("split", {"image"}, split, {"side of the image in training and scoring"});
    d.attr("flag_values", std::vector<std::int64_t>{0, 1, 2});
    d.attr("flag_meanings", "train test official_test");
    if (!images.repeats.empty())
        root.put("repeats", {"image"}, images.repeats, {"presentations averaged into the responses"});
    if (!images.run.empty()) root.put("run", {"image"}, images.run, {"run that holds all presentations; 0: several"});
}

void write_roi_class(h5::Node& root, const std::string& axis, const std::string& hemisphere,
                     const RoiClass& c) {
    const std::string name = fmt::format("roi_{}_{}", hemisphere, lower_snake(c.name));
    if (root.has(name))
        throw BadInput(fmt::format("two ROI classes of {} share the name {} ('{}' is the second)", hemisphere,
                                   name, c.name));
    auto d = root.put(name, {axis}, c.label, {fmt::format("{} label of the vertex; 0 is none", c.name)});
    d.attr("roi_class", c.name);
    d.attr("label_values", std::vector<std::int64_t>(c.label_value.begin(), c.label_value.end()));
    d.attr("label_names", c.label_name);
}

h5::Dataset write_hemisphere(h5::Node& root, const Hemisphere& h) {
    const std::string axis = "vertex_" + h.name;
    root.scale(axis, h.vertex, {fmt::format("vertex index ({})", h.space)});
    root.dataset(axis).attr("space", h.space);
    auto responses = root.create<float>("response_" + h.name, {"image", axis}, {"response to the image"});
    if (!h.noise_ceiling.empty())
        root.put("noise_ceiling_" + h.name, {axis}, h.noise_ceiling, {"explainable share of the variance"}).attr("mode", h.ceiling_mode);
    for (const RoiClass& c : h.roi_classes) write_roi_class(root, axis, h.name, c);
    return responses;
}

}  // namespace

DatasetWriter::DatasetWriter(const std::filesystem::path& path, const h5::Record& record, bool overwrite,
                             const DatasetHeader& header, const ImageTable& images,
                             const std::vector<Hemisphere>& hemispheres)
    : file_(path, "dataset", record, overwrite) {
    require(header.image_size > 0, "image_size");
    require(header.split_rule == "hash" || header.split_rule == "list", "split_rule '" + header.split_rule + "'");
    check(images, hemispheres);
    h5::Node& root = file_.root();
    write_header(root, header, hemispheres);
    write_images(root, header, images);
    pixels_ = root.create<std::uint8_t>("pixels", {"image", "y", "x", "channel"}, {"picture, resized"});
    for (const Hemisphere& h : hemispheres) responses_.emplace_back(h.name, write_hemisphere(root, h));
    if (!images.sha256.empty()) write_sha256(images.sha256);
}

void DatasetWriter::write_pixels(std::uint64_t first, std::uint64_t count, const std::uint8_t* pixels) {
    pixels_->write_rows(first, count, pixels);
}

void DatasetWriter::write_responses(const std::string& hemisphere, std::uint64_t first, std::uint64_t count,
                                    const float* values) {
    for (auto& [name, d] : responses_)
        if (name == hemisphere) return d.write_rows(first, count, values);
    require(false, "no hemisphere " + hemisphere);
}

void DatasetWriter::write_sha256(const std::vector<std::string>& sha256) {
    file_.root().put_strings("sha256", {"image"}, sha256, {"SHA-256 of the decoded source pixels"});
}

void DatasetWriter::commit() {
    require(file_.root().has("sha256"), "commit before write_sha256");
    pixels_.reset();
    responses_.clear();
    file_.commit();
}

}  // namespace cortune::datasets
