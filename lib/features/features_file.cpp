// SPDX-License-Identifier: BSD-3-Clause
#include "features/features_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "core/error.hpp"
#include "core/text.hpp"

namespace cortune::features {
namespace {

void write_header(h5::Node& root, const FeaturesHeader& header) {
    weights::write_network_note(root, header);
    if (!header.dataset_uuid.empty()) root.attr("subject", header.subject), root.attr("dataset_uuid", header.dataset_uuid);
    root.attr("fit", header.fit), root.attr("pool", header.pool);
    root.attr("image_size", header.image_size);
    if (header.temperature > 0) root.attr("temperature", header.temperature);
    root.scale("image", std::span<const std::string>(header.image), {"id of the picture"});
    if (!header.split.empty()) root.put_strings("split", {"image"}, header.split, {"side of the data set's split"});
}

}  // namespace

std::int64_t FeatureArray::width() const {
    std::int64_t out = 1;
    for (const auto& axis : axes) out *= axis.second;
    return out;
}

FeaturesWriter::FeaturesWriter(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const FeaturesHeader& header,
                               const std::vector<FeatureArray>& arrays, bool half)
    : file_(path, "features", record, overwrite), half_(half) {
    auto& root = file_.root();
    write_header(root, header);
    std::set<std::string> groups, scales;
    for (const auto& a : arrays) {
        h5::Node group = groups.insert(a.group).second ? root.create_group(a.group) : root.group(a.group);
        std::vector<std::string> dims = {"image"};
        for (const auto& [axis, length] : a.axes) {
            if (scales.insert(a.group + '/' + axis).second) group.index_scale(axis, static_cast<std::uint64_t>(length), {"index"});
            dims.push_back(axis);
        }
        data_.push_back(group.create_rows(a.name, dims, half ? std::optional(h5::Narrow::float16) : std::nullopt, {a.long_name}));
        width_.push_back(a.width());
    }
}

void FeaturesWriter::write(std::size_t array, std::int64_t first, std::int64_t count, const float* values) {
    auto& data = data_.at(array);
    if (!half_) return data.write_rows(static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(count), values);
    const std::span<const float> all(values, static_cast<std::size_t>(count * width_[array]));
    if (std::any_of(all.begin(), all.end(), [](float v) { return !(std::abs(v) <= 65504); }))
        throw RunFailed(data.where() + ": a value does not fit in float16 (65504 at most, and no NaN)", "--precision float32 holds it");
    const auto half = h5::rounded(all, h5::Narrow::float16);
    data.write_rows(static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(count), half.data());
}

void FeaturesWriter::write_images(const std::vector<std::string>& sha256, const std::vector<std::int16_t>& tuned) {
    file_.root().put_strings("image_sha256", {"image"}, sha256, {"SHA-256 of the decoded source pixels"});
    file_.root().put("tuned", {"image"}, tuned, {"1: the picture tuned the network"});
}

FeaturesFile::FeaturesFile(const std::filesystem::path& path) : input_(path, {"features"}) {
    const auto& root = input_.root();
    static_cast<weights::NetworkNote&>(header_) = weights::read_network_note(root);
    if (root.has_attr("dataset_uuid")) header_.subject = root.attr_string("subject"), header_.dataset_uuid = root.attr_string("dataset_uuid");
    header_.fit = root.attr_string("fit"), header_.pool = root.attr_string("pool");
    header_.image_size = static_cast<int>(root.attr_int("image_size"));
    if (root.has_attr("pca_split")) header_.pca_split = root.attr_string("pca_split");
    if (root.has_attr("temperature")) header_.temperature = root.attr_double("temperature");
    header_.image = root.dataset("image").read_strings();
    header_.image_sha256 = root.dataset("image_sha256").read_strings();
    header_.tuned = root.dataset("tuned").read<std::int16_t>();
    if (root.has("split")) header_.split = root.dataset("split").read_strings();
    const auto n = header_.image.size();
    if (header_.image_sha256.size() != n || header_.tuned.size() != n || (!header_.split.empty() && header_.split.size() != n))
        throw BadInput(fmt::format("{}: image, image_sha256, tuned and split differ in length", path.string()));
    for (const char* group : {"features", "embeddings"}) {
        if (!root.has(group)) continue;
        for (const auto& name : root.group(group).children()) {
            const auto data = root.dataset(std::string(group) + '/' + name);
            const auto shape = data.shape();
            if (shape.size() > 1 && shape[0] != n)
                throw BadInput(fmt::format("{}: expected {} rows, one an image, found {}", data.where(), n, shape[0]));
        }
    }
}

// Arrays of a group: its scales have one axis.
std::vector<std::string> FeaturesFile::arrays(const std::string& group) const {
    std::vector<std::string> out;
    if (!input_.root().has(group)) return out;
    for (const auto& name : input_.root().group(group).children())
        if (input_.root().dataset(group + '/' + name).shape().size() > 1) out.push_back(name);
    return out;
}

h5::Dataset FeaturesFile::array(const std::string& path) const {
    const auto slash = path.find('/');
    const std::string group = path.substr(0, slash), name = path.substr(slash + 1);
    const auto known = arrays(group);
    if (std::find(known.begin(), known.end(), name) != known.end()) return input_.root().dataset(path);
    throw BadInput(fmt::format("{}:/{}: no {}; it has {}", input_.path().string(), group, name, known.empty() ? "none" : join(nearest_first(name, known))),
                   group == "embeddings" ? "feature-extract --embeddings keeps them" : "feature-extract --layers names what is kept");
}

std::vector<float> FeaturesFile::read(const std::string& path, std::int64_t first, std::int64_t count) const {
    const auto data = array(path);
    const auto shape = data.shape();
    std::uint64_t width = 1;
    for (std::size_t axis = 1; axis < shape.size(); ++axis) width *= shape[axis];
    std::vector<float> out(static_cast<std::size_t>(count) * width);
    data.read_rows(static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(count), out.data());
    return out;
}

}  // namespace cortune::features
