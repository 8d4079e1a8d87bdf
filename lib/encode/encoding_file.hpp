// SPDX-License-Identifier: BSD-3-Clause
// The `encoding` file: what one backbone's layers predict of one subject, per
// (hemisphere, ROI class, ROI). encode-eval needs nothing else. Layout in cortune(5).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "h5/file.hpp"

namespace cortune::encode {

// Values of one ROI. V voxels, L layers, N scored images (those of the header).
struct RoiEncoding {
    std::string hemisphere, roi_class, roi;
    std::vector<std::int32_t> column;        // V: columns of the dataset's responses
    std::vector<std::int32_t> vertex;        // V: their index in `space`
    std::string space = "index";             // "fsaverage", "fsLR32k", a volume ("func1pt8mm": x + X (y + Y z)), or "index": the column itself
    std::vector<float> cv_r;                 // L × V: cross-validated r at the voxel's best alpha
    std::vector<double> alpha;               // L × V: that alpha
    int chosen_layer = 0;                    // argmax over layers of mean over voxels of cv_r
    std::vector<float> prediction;           // N × V, at the chosen layer and the voxel's alpha
    std::vector<float> response;             // N × V, as measured
    std::vector<float> noise_ceiling;        // V, share of variance; empty: none
    std::string ceiling_mode = "none";       // where it comes from, as in the dataset
};

struct EncodingHeader {
    std::string subject, dataset_uuid;
    std::string model_uuid;                  // "" for an untuned backbone that is no file of ours
    std::string model_sha256;                // of the network's parameters (weights/model_file.hpp)
    std::string backbone;                    // "alexnet", …
    std::string method;                      // "untuned", "infonce", "clip", "mse"
    std::string tuned_to;                    // "subj01 lh V1v": what the network was tuned to; empty: untuned
    std::string protocol;                    // "held-out", "paper", "train-cv"; "predicted": saved weights
    bool optimistic = false;                 // scored images tuned or selected something
    std::string optimistic_reason;           // empty unless optimistic
    std::vector<std::string> data_warnings;  // what the extraction of the data found to look wrong
    std::vector<std::string> data_checks;    // what else it looked at; neither: not checked
    std::vector<std::string> layer;          // taps, L
    std::vector<double> alpha_grid;
    std::vector<std::string> image, image_sha256;  // scored images, N
    std::vector<std::int16_t> fold;          // N: fold in which it was predicted; -1: the one test set
    std::vector<std::int32_t> run;           // N: of the dataset; empty: unknown
    std::vector<std::string> tuned_image, tuned_sha256;    // images that tuned the model
    std::vector<std::string> fitted_image, fitted_sha256;  // images that the ridge was fitted on
};

// Of each of `ids` (with `sha256`) 1 where it is among the tuned images, by id, without a picture file's ending, or by pixels.
std::vector<std::int16_t> mark_tuned(const std::vector<std::string>& ids, const std::vector<std::string>& sha256,
                                     const std::vector<std::string>& tuned_ids, const std::vector<std::string>& tuned_sha256);
// How many of `ids` (with `sha256`) are among the tuned images, by id or by pixels.
std::int64_t count_tuned(const std::vector<std::string>& ids, const std::vector<std::string>& sha256,
                         const std::vector<std::string>& tuned_ids, const std::vector<std::string>& tuned_sha256);

// Streams one ROI after the other into a new file.
class EncodingWriter {
  public:
    EncodingWriter(const std::filesystem::path& path, const h5::Record& record, bool overwrite,
                   const EncodingHeader& header);
    void add(const RoiEncoding& roi);
    h5::Output& file() { return file_; }  // --save-weights adds its groups here
    void finish() { file_.finish(); }
    void commit() { file_.commit(); }

  private:
    h5::Output file_;
    EncodingHeader header_;
};

class EncodingFile {
  public:
    explicit EncodingFile(const std::filesystem::path& path);
    const h5::Input& input() const { return input_; }
    const EncodingHeader& header() const { return header_; }
    // Paths of the ROI groups, "results/<hemisphere>/<roi_class>/<roi>", in file order.
    const std::vector<std::string>& roi_paths() const { return paths_; }
    RoiEncoding read(const std::string& roi_path) const;

  private:
    h5::Input input_;
    EncodingHeader header_;
    std::vector<std::string> paths_;
};

}  // namespace cortune::encode
