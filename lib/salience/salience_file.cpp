// SPDX-License-Identifier: BSD-3-Clause
#include "salience/salience_file.hpp"

#include "salience/laterality.hpp"

namespace cortune::salience {

SalienceWriter::SalienceWriter(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const SalienceHeader& h)
    : file_(path, "salience", record, overwrite), flip_control_(h.flip_control) {
    h5::Node& root = file_.root();
    root.attr("backbone", h.backbone), root.attr("method", h.method), root.attr("model_uuid", h.model_uuid), root.attr("model_sha256", h.model_sha256);
    if (!h.roi.empty()) root.attr("tuned_subjects", h.subjects), root.attr("hemisphere", h.hemisphere), root.attr("roi_class", h.roi_class), root.attr("roi", h.roi);
    root.attr("map_method", h.map_method), root.attr("target", h.target), root.attr("layer", h.layer);
    if (!h.tap.empty()) root.attr("tap", h.tap);
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

void SalienceWriter::finish(const SalienceImages& i) {
    h5::Node& root = file_.root();
    root.put_strings("image_sha256", {"image"}, i.sha256, {"SHA-256 of the decoded source pixels"});
    root.put("tuned", {"image"}, i.tuned, {"1: the picture tuned the network"});
    if (!i.of.empty()) root.put_strings("of", {"image"}, i.of, {"class or output that the map is of"});
    root.put("score", {"image"}, i.score, {"score that the map explains"});
    root.put("index", {"image"}, i.index, {"laterality: (left − right) / (left + right) of the map's positive mass"});
    root.put("band_index", {"image", "band"}, i.band_index, {"the same inside bands of eccentricity"});
    if (flip_control_) {
        root.put("mirrored_index", {"image"}, i.mirrored_index, {"laterality of the mirrored picture's map"});
        root.put("mirrored_band_index", {"image", "band"}, i.mirrored_band_index, {"the same inside bands"});
    }
    file_.commit();
}

}  // namespace cortune::salience
