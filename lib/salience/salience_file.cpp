// SPDX-License-Identifier: BSD-3-Clause
#include "salience/salience_file.hpp"

#include <algorithm>

#include "core/error.hpp"
#include "salience/laterality.hpp"

namespace cortune::salience {

namespace {

constexpr std::pair<const char*, std::string Score::*> score_texts[] = {{"score_kind", &Score::kind}, {"score_of", &Score::of}, {"score_setting", &Score::setting}, {"score_subject", &Score::subject},
                                                                        {"score_hemisphere", &Score::hemisphere}, {"score_roi_class", &Score::roi_class}, {"score_roi", &Score::roi}};

void write_checks(h5::Node& root, const Checks& c) {
    std::vector<double> share;
    for (std::int64_t k = 0; k <= c.steps; ++k) share.push_back(static_cast<double>(k) / static_cast<double>(c.steps));
    root.scale("share", std::span<const double>(share), {"share of the pixels, those first that the map marks most"});
    root.put("randomised_correlation", {"image"}, c.randomised, {"rank correlation with the map of the network with shuffled weights"});
    root.put("deletion", {"image", "share"}, c.deletion, {"score when these pixels are gone (mean colour)"});
    root.put("insertion", {"image", "share"}, c.insertion, {"score of these pixels alone"});
    root.put("deletion_area", {"image"}, c.deletion_area, {"area under the curve; the lower, the more the marked pixels make the score"});
    root.put("insertion_area", {"image"}, c.insertion_area, {"area under the curve; the higher, the more"});
    root.put("common_deletion_area", {"image"}, c.common_deletion_area, {"the same in the order of the mean of the other pictures' maps"});
    root.put("common_insertion_area", {"image"}, c.common_insertion_area, {"the same in the order of the mean of the other pictures' maps"});
}

}  // namespace

std::string Score::text() const {
    std::string out = kind;
    for (const auto* part : {&of, &hemisphere, &roi})
        if (!part->empty()) out += ' ' + *part;
    return column < 0 ? out : out + " column " + std::to_string(column);
}

SalienceWriter::SalienceWriter(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const SalienceHeader& h)
    : file_(path, "salience", record, overwrite), flip_control_(h.flip_control) {
    h5::Node& root = file_.root();
    weights::write_network_note(root, h);
    root.attr("map_method", h.map_method), root.attr("map_setting", h.map_setting), root.attr("fit", h.fit), root.attr("layer", h.layer);
    if (!h.tap.empty()) root.attr("tap", h.tap);
    for (const auto& [name, at] : score_texts)
        if (!(h.score.*at).empty()) root.attr(name, h.score.*at);
    if (h.score.column >= 0) root.attr("score_column", h.score.column);
    root.attr("flip_control", h.flip_control ? 1 : 0);
    root.scale("image", std::span<const std::string>(h.image), {"id of the picture"});
    root.index_scale("row", static_cast<std::uint64_t>(h.image_size), {"row of the picture, from the top", "pixel"});
    root.index_scale("column", static_cast<std::uint64_t>(h.image_size), {"column of the picture, from the left", "pixel"});
    root.scale("band", std::span<const double>(band_edges), {"outer edge of a band of eccentricity, in half sides from the centre; the last has the corners"});
    map_.emplace(root.create_rows("map", {"image", "row", "column"}, std::nullopt, {"salience"}));
}

void SalienceWriter::write(std::int64_t first, std::int64_t count, const float* maps) {
    map_->write_rows(static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(count), maps);
}

std::vector<float> SalienceWriter::read(std::int64_t first, std::int64_t count) const {
    std::vector<float> out(static_cast<std::size_t>(count) * map_->size() / std::max<std::uint64_t>(map_->shape()[0], 1));
    map_->read_rows(static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(count), out.data());
    return out;
}

void SalienceWriter::finish(const SalienceImages& i) {
    h5::Node& root = file_.root();
    root.put_strings("image_sha256", {"image"}, i.sha256, {"SHA-256 of the decoded source pixels"});
    root.put("tuned", {"image"}, i.tuned, {"1: the picture tuned the network"});
    root.put("fitted", {"image"}, i.fitted, {"1: the score's own weights were fitted on the picture"});
    if (!i.of.empty()) root.put_strings("of", {"image"}, i.of, {"class or output that the map is of"});
    root.put("score", {"image"}, i.score, {"score that the map explains"});
    root.put("index", {"image"}, i.index, {"laterality: (left − right) / (left + right) of the map's positive mass"});
    root.put("band_index", {"image", "band"}, i.band_index, {"the same inside bands of eccentricity"});
    if (flip_control_) {
        root.put("mirrored_index", {"image"}, i.mirrored_index, {"laterality of the mirrored picture's map"});
        root.put("mirrored_band_index", {"image", "band"}, i.mirrored_band_index, {"the same inside bands"});
    }
    if (i.checks.steps > 0) write_checks(root, i.checks);
    file_.commit();
}

SalienceFile::SalienceFile(const std::filesystem::path& path) : input_(path, {"salience"}) {
    const auto& root = input_.root();
    static_cast<weights::NetworkNote&>(header_) = weights::read_network_note(root);
    header_.map_method = root.attr_string("map_method"), header_.map_setting = root.attr_string("map_setting"), header_.fit = root.attr_string("fit"), header_.layer = root.attr_string("layer");
    if (root.has_attr("tap")) header_.tap = root.attr_string("tap");
    for (const auto& [name, at] : score_texts)
        if (root.has_attr(name)) header_.score.*at = root.attr_string(name);
    if (root.has_attr("score_column")) header_.score.column = root.attr_int("score_column");
    header_.flip_control = root.attr_int("flip_control") != 0;
    header_.image = root.dataset("image").read_strings();
    header_.image_size = static_cast<int>(root.dataset("row").size());
    images_.sha256 = root.dataset("image_sha256").read_strings(), images_.tuned = root.dataset("tuned").read<std::int16_t>(), images_.fitted = root.dataset("fitted").read<std::int16_t>();
    images_.score = root.dataset("score").read<double>(), images_.index = root.dataset("index").read<double>(), images_.band_index = root.dataset("band_index").read<double>();
    if (root.has("of")) images_.of = root.dataset("of").read_strings();
    if (header_.flip_control) images_.mirrored_index = root.dataset("mirrored_index").read<double>(), images_.mirrored_band_index = root.dataset("mirrored_band_index").read<double>();
    if (root.has("randomised_correlation")) {
        auto& c = images_.checks;
        c.randomised = root.dataset("randomised_correlation").read<double>();
        c.deletion_area = root.dataset("deletion_area").read<double>(), c.insertion_area = root.dataset("insertion_area").read<double>();
        c.common_deletion_area = root.dataset("common_deletion_area").read<double>(), c.common_insertion_area = root.dataset("common_insertion_area").read<double>();
    }
    const auto n = header_.image.size();
    if (images_.index.size() != n || images_.tuned.size() != n || images_.fitted.size() != n || images_.sha256.size() != n || images_.score.size() != n || images_.band_index.size() != n * band_edges.size() ||
        (header_.flip_control && (images_.mirrored_index.size() != n || images_.mirrored_band_index.size() != n * band_edges.size())))
        throw BadInput(input_.path().string() + ": its data sets do not have one value an image", "make it again with salience-map");
}

std::vector<float> SalienceFile::map(std::int64_t image) const {
    std::vector<float> out(static_cast<std::size_t>(header_.image_size) * static_cast<std::size_t>(header_.image_size));
    input_.root().dataset("map").read_rows(static_cast<std::uint64_t>(image), 1, out.data());
    return out;
}

}  // namespace cortune::salience
