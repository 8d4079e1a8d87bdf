// SPDX-License-Identifier: BSD-3-Clause
// The `dataset` file: one subject's pictures and responses (layout in cortune(5)).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "datasets/checks.hpp"
#include "datasets/split.hpp"
#include "h5/file.hpp"

namespace cortune::datasets {

// What is known of every picture. `id` is "<namespace>:<name>".
struct ImageTable {
    std::vector<std::string> id;
    std::vector<std::string> sha256;  // of the decoded source pixels, hex
    std::vector<Split> split;
    std::vector<std::int32_t> repeats;  // averaged presentations per image; empty: unknown
    std::vector<std::int32_t> run;      // in which all its presentations were; 0: in several. Empty: unknown
};

// Labels of one ROI class over the vertices of one hemisphere; 0 is "none".
struct RoiClass {
    std::string name;                       // "prf-visualrois"
    std::vector<std::int16_t> label;        // one per vertex
    std::vector<std::int16_t> label_value;  // 1, 2, …
    std::vector<std::string> label_name;    // "V1v", …, parallel to label_value
};

// One hemisphere: "lh", "rh" or "all" (no hemispheres known).
struct Hemisphere {
    std::string name;
    std::vector<std::int32_t> vertex;  // index in `space` of every column
    std::string space = "index";       // "fsaverage", "fsLR32k", a volume ("func1pt8mm": x + X (y + Y z)), or "index": the column itself
    std::vector<RoiClass> roi_classes;
    std::vector<float> noise_ceiling;  // explainable share of variance per vertex, NaN: unknown; empty: none
    std::string ceiling_mode = "none"; // where it comes from: "file", "ncsnr", "split-half", "leave-one-out"
};

// Throws BadInput beginning with `where` for a value that is neither NaN nor in [0, 1].
void check_noise_ceiling(std::span<const float> values, const std::string& where);

// A region to work on: label(s) of a class in a hemisphere, as columns.
struct Roi {
    std::string hemisphere, roi_class, name;  // name "A+B" is a union
    std::vector<std::int64_t> column;         // ascending, of responses_<hemisphere>
};

// BadInput that a job over several subjects can do without: this one lacks the region, or it is empty.
struct MissingRoi : BadInput {
    using BadInput::BadInput;
};

struct DatasetHeader {
    std::string subject;      // "subj01"
    std::string layout;       // what it was extracted from: "algonauts", "nsd", "nod", "table"
    std::string image_namespace;  // "nsd"
    int image_size = 0;       // pixels are image_size × image_size
    std::int64_t split_seed = 0;
    double test_share = 0.15;
    std::string split_rule = "hash";  // of id, seed and share; or "list": the test images were listed
};

// Writes a dataset: construct, stream pixels and responses in rows, commit.
class DatasetWriter {
  public:
    DatasetWriter(const std::filesystem::path& path, const h5::Record& record, bool overwrite,
                  const DatasetHeader& header, const ImageTable& images,
                  const std::vector<Hemisphere>& hemispheres);
    // Rows [first, first + count): count × image_size × image_size × 3.
    void write_pixels(std::uint64_t first, std::uint64_t count, const std::uint8_t* pixels);
    // Rows [first, first + count) of one hemisphere: count × vertices.
    void write_responses(const std::string& hemisphere, std::uint64_t first, std::uint64_t count,
                         const float* values);
    // The hashes are known only after decoding: called once before commit().
    void write_sha256(const std::vector<std::string>& sha256);
    void write_findings(const std::vector<Finding>& findings) { datasets::write_findings(file_.root(), findings); }
    void commit();

  private:
    h5::Output file_;
    std::optional<h5::Dataset> pixels_;
    std::vector<std::pair<std::string, h5::Dataset>> responses_;
};

// Reads a dataset. Construction reads everything but pixels and responses, and throws
// BadInput naming file and data set for parts that do not fit each other, ids or labels
// that occur twice, and values that nothing writes.
class DatasetFile {
  public:
    explicit DatasetFile(const std::filesystem::path& path);

    const h5::Input& input() const { return input_; }
    const DatasetHeader& header() const { return header_; }
    const ImageTable& images() const { return images_; }
    const std::vector<Hemisphere>& hemispheres() const { return hemispheres_; }
    std::string where() const { return input_.path().string(); }
    const Hemisphere& hemisphere(const std::string& name) const;  // BadInput lists the known ones

    // Every non-empty ROI of every class and hemisphere, in file order.
    std::vector<Roi> rois() const;
    // One ROI. `roi` is a label name or a union "V1v+V1d"; an empty `roi_class` is
    // found from the label (UsageError where two classes have it); roi "all" takes
    // every vertex. BadInput with the known names, nearest first, when unknown.
    Roi roi(const std::string& hemisphere, const std::string& roi_class, const std::string& roi) const;

    // "check where: text" of the extraction's findings that look wrong (checks.hpp).
    std::vector<std::string> warnings() const;
    // What they say where nothing looks wrong, be it that it could not be told, likewise.
    std::vector<std::string> passed_checks() const;
    // Noise ceilings of a hemisphere's columns for the averages that these rows are: the file's are over all
    // its images, and among these others may have been shown more often. As they are where the file does not
    // say how often (Algonauts: its ceilings are those of the official test images). Empty: none.
    std::vector<float> noise_ceiling(const std::string& hemisphere, std::span<const std::int64_t> rows) const;

    std::vector<std::int64_t> rows(Split split) const;  // image rows of one side, ascending

    // rows.size() × columns.size(), row-major.
    std::vector<float> responses(const std::string& hemisphere, std::span<const std::int64_t> rows,
                                 std::span<const std::int64_t> columns) const;
    void read_pixels(std::uint64_t first, std::uint64_t count, std::uint8_t* out) const;

  private:
    h5::Input input_;
    DatasetHeader header_;
    ImageTable images_;
    std::vector<Hemisphere> hemispheres_;
};

}  // namespace cortune::datasets
