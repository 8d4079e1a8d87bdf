// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "core/error.hpp"
#include "core/text.hpp"
#include "datasets/dataset.hpp"
#include "datasets/npy.hpp"
#include "datasets/repeat_ceiling.hpp"

namespace cortune::datasets {
namespace {

void expect_shape(const h5::Dataset& d, const h5::Shape& expected) {
    if (d.shape() != expected)
        throw BadInput(fmt::format("{}: expected {}, found {}", d.where(), shape_text(expected),
                                   shape_text(d.shape())));
}

DatasetHeader read_header(const h5::Node& root) {
    DatasetHeader out;
    out.subject = root.attr_string("subject");
    out.layout = root.attr_string("layout");
    out.image_namespace = root.attr_string("image_namespace");
    const std::int64_t size = root.attr_int("image_size");
    if (size < 1 || size > 65535)
        throw BadInput(fmt::format("{}: attribute 'image_size' is {}", root.where(), size));
    out.image_size = static_cast<int>(size);
    out.split_seed = root.attr_int("split_seed");
    out.test_share = root.attr_double("test_share");
    if (!(out.test_share >= 0 && out.test_share <= 1))
        throw BadInput(fmt::format("{}: attribute 'test_share': expected 0 to 1, found {}", root.where(), out.test_share));
    if (root.has_attr("split_rule")) out.split_rule = root.attr_string("split_rule");  // the first files have none
    if (out.split_rule != "hash" && out.split_rule != "list")
        throw BadInput(fmt::format("{}: attribute 'split_rule': expected hash or list, found '{}'", root.where(),
                                   out.split_rule));
    return out;
}

std::vector<Split> read_split(const h5::Node& root, std::uint64_t n) {
    const h5::Dataset d = root.dataset("split");
    expect_shape(d, {n});
    std::vector<Split> out;
    // Wider than the file's type, into which a foreign one would be squeezed.
    for (std::int64_t value : d.read<std::int64_t>()) {
        if (value < 0 || value > 2) throw BadInput(fmt::format("{}: expected 0, 1 or 2, found {}", d.where(), value));
        out.push_back(static_cast<Split>(value));
    }
    return out;
}

std::vector<std::string> read_sha256(const h5::Node& root, std::uint64_t n) {
    const h5::Dataset d = root.dataset("sha256");
    expect_shape(d, {n});
    auto out = d.read_strings();
    for (const auto& hash : out)
        if (hash.size() != 64 || hash.find_first_not_of("0123456789abcdef") != std::string::npos)
            throw BadInput(fmt::format("{}: expected 64 lower-case hexadecimal digits, found '{:.80}'", d.where(), hash));
    return out;
}

ImageTable read_images(const h5::Node& root, std::uint64_t size) {
    ImageTable out;
    out.id = root.dataset("image").read_strings();
    const std::uint64_t n = out.id.size();
    if (n == 0) throw BadInput(root.dataset("image").where() + ": no images");
    std::set<std::string> seen;
    for (const auto& id : out.id)
        if (!seen.insert(id).second)
            throw BadInput(fmt::format("{}: image '{}' occurs twice", root.dataset("image").where(), id));
    const h5::Dataset pixels = root.dataset("pixels");
    expect_shape(pixels, {n, size, size, 3});
    if (pixels.type_name() != "uint8") throw BadInput(fmt::format("{}: expected uint8, found {}", pixels.where(), pixels.type_name()));
    out.sha256 = read_sha256(root, n);
    out.split = read_split(root, n);
    const auto numbers = [&](const char* name) -> std::vector<std::int32_t> {
        if (!root.has(name)) return {};
        expect_shape(root.dataset(name), {n});
        return root.dataset(name).read<std::int32_t>();
    };
    out.repeats = numbers("repeats");
    out.run = numbers("run");
    return out;
}

// Names and values of a class's labels: as many of one as of the other, each once.
void read_labels(const h5::Dataset& d, RoiClass& out) {
    const auto values = d.attr_ints("label_values");
    out.label_name = d.attr_strings("label_names");
    if (out.label_name.size() != values.size())
        throw BadInput(fmt::format("{}: {} label_values, {} label_names", d.where(), values.size(),
                                   out.label_name.size()));
    std::set<std::string> names;
    for (const auto& name : out.label_name)
        if (!names.insert(name).second)
            throw BadInput(fmt::format("{}: attribute 'label_names': '{}' occurs twice", d.where(), name));
    std::set<std::int64_t> seen;
    for (const std::int64_t value : values) {
        if (value < std::numeric_limits<std::int16_t>::min() || value > std::numeric_limits<std::int16_t>::max())
            throw BadInput(fmt::format("{}: attribute 'label_values': {} is no label", d.where(), value));
        if (!seen.insert(value).second)
            throw BadInput(fmt::format("{}: attribute 'label_values': {} occurs twice", d.where(), value));
        out.label_value.push_back(static_cast<std::int16_t>(value));
    }
}

RoiClass read_roi_class(const h5::Dataset& d, std::uint64_t vertices) {
    RoiClass out;
    expect_shape(d, {vertices});
    out.name = d.attr_string("roi_class");
    out.label = d.read<std::int16_t>();
    read_labels(d, out);
    for (const auto label : out.label)
        if (label != 0 && std::find(out.label_value.begin(), out.label_value.end(), label) == out.label_value.end())
            throw BadInput(fmt::format("{}: label {} is not among the attribute 'label_values'", d.where(), label));
    return out;
}

Hemisphere read_hemisphere(const h5::Node& root, const std::string& name, std::uint64_t images) {
    Hemisphere out;
    out.name = name;
    const h5::Dataset axis = root.dataset("vertex_" + name);
    out.vertex = axis.read<std::int32_t>();
    out.space = axis.attr_string("space");
    if (std::set<std::int32_t>(out.vertex.begin(), out.vertex.end()).size() != out.vertex.size())
        throw BadInput(axis.where() + ": a vertex occurs twice");
    const std::uint64_t v = out.vertex.size();
    expect_shape(root.dataset("response_" + name), {images, v});
    if (root.has("noise_ceiling_" + name)) {
        expect_shape(root.dataset("noise_ceiling_" + name), {v});
        const auto stored = root.dataset("noise_ceiling_" + name);
        out.noise_ceiling = stored.read<float>();
        out.ceiling_mode = stored.has_attr("mode") ? stored.attr_string("mode") : "file";
        check_noise_ceiling(out.noise_ceiling, root.dataset("noise_ceiling_" + name).where());
    }
    for (const std::string& child : root.children())
        if (child.starts_with("roi_" + name + "_"))
            out.roi_classes.push_back(read_roi_class(root.dataset(child), v));
    return out;
}

// The attribute names every hemisphere that the file holds, once.
std::vector<std::string> hemisphere_names(const h5::Node& root) {
    const auto out = root.attr_strings("hemispheres");
    if (out.empty()) throw BadInput(root.where() + ": attribute 'hemispheres' names none");
    for (const auto& name : out)
        if ((name != "lh" && name != "rh" && name != "all") || std::count(out.begin(), out.end(), name) > 1)
            throw BadInput(fmt::format("{}: attribute 'hemispheres': expected lh, rh or all, each once, found {}",
                                       root.where(), join(out)));
    for (const std::string known : {"lh", "rh", "all"})
        for (const char* part : {"vertex_", "response_"})
            if (root.has(part + known) && std::count(out.begin(), out.end(), known) == 0)
                throw BadInput(fmt::format("{}: a hemisphere that the attribute 'hemispheres' ({}) does not name",
                                           root.dataset(part + known).where(), join(out)));
    return out;
}

}  // namespace

void check_noise_ceiling(std::span<const float> values, const std::string& where) {
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!std::isnan(values[i]) && !(values[i] >= 0 && values[i] <= 1))
            throw BadInput(fmt::format("{}: expected 0 to 1, or NaN where it is unknown, found {} at index {}", where,
                                       values[i], i),
                           "a ceiling is a share of variance; divide percent by 100");
}

DatasetFile::DatasetFile(const std::filesystem::path& path) : input_(path, {"dataset"}) {
    const h5::Node& root = input_.root();
    header_ = read_header(root);
    images_ = read_images(root, static_cast<std::uint64_t>(header_.image_size));
    for (const std::string& name : hemisphere_names(root))
        hemispheres_.push_back(read_hemisphere(root, name, images_.id.size()));
}

std::vector<std::int64_t> DatasetFile::rows(Split split) const {
    std::vector<std::int64_t> out;
    for (std::size_t i = 0; i < images_.split.size(); ++i)
        if (images_.split[i] == split) out.push_back(static_cast<std::int64_t>(i));
    return out;
}

std::vector<float> DatasetFile::responses(const std::string& hemisphere_name,
                                          std::span<const std::int64_t> rows,
                                          std::span<const std::int64_t> columns) const {
    const std::uint64_t width = hemisphere(hemisphere_name).vertex.size();
    const h5::Dataset d = input_.root().dataset("response_" + hemisphere_name);
    for (auto [wanted, limit] : {std::pair{rows, images_.id.size()}, std::pair{columns, width}})
        for (std::int64_t i : wanted)
            if (i < 0 || static_cast<std::uint64_t>(i) >= limit)
                throw std::out_of_range(fmt::format("{}: index {} of {}", d.where(), i, limit));
    // Whole rows are read in runs of neighbours: the file lies that way.
    std::vector<std::size_t> order(rows.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return rows[a] < rows[b]; });
    const std::uint64_t row_bytes = std::max<std::uint64_t>(4 * width, 1);
    const std::uint64_t block = std::clamp<std::uint64_t>((std::uint64_t{8} << 20) / row_bytes, 1, 4096);
    std::vector<float> buffer, out(rows.size() * columns.size());
    for (std::size_t at = 0; at < order.size();) {
        const std::int64_t first = rows[order[at]];
        std::size_t end = at + 1;
        while (end < order.size() && rows[order[end]] - rows[order[end - 1]] <= 1 &&
               static_cast<std::uint64_t>(rows[order[end]] - first) < block)
            ++end;
        const auto count = static_cast<std::uint64_t>(rows[order[end - 1]] - first) + 1;
        buffer.resize(count * width);
        d.read_rows(static_cast<std::uint64_t>(first), count, buffer.data());
        for (; at < end; ++at) {
            const float* from = buffer.data() + static_cast<std::uint64_t>(rows[order[at]] - first) * width;
            float* to = out.data() + order[at] * columns.size();
            for (std::size_t c = 0; c < columns.size(); ++c) to[c] = from[columns[c]];
        }
    }
    return out;
}

std::vector<float> DatasetFile::noise_ceiling(const std::string& hemisphere_name, std::span<const std::int64_t> rows) const {
    std::vector<float> out = hemisphere(hemisphere_name).noise_ceiling;
    const auto& repeats = images_.repeats;
    if (out.empty() || repeats.empty() || rows.empty() || *std::min_element(repeats.begin(), repeats.end()) < 1) return out;
    double all = 0, these = 0;
    for (const auto n : repeats) all += 1.0 / n / static_cast<double>(repeats.size());
    for (const auto r : rows) these += 1.0 / repeats[static_cast<std::size_t>(r)] / static_cast<double>(rows.size());
    for (float& c : out) c = ceiling_at(c, all, these);
    return out;
}

void DatasetFile::read_pixels(std::uint64_t first, std::uint64_t count, std::uint8_t* out) const {
    input_.root().dataset("pixels").read_rows(first, count, out);
}

}  // namespace cortune::datasets
