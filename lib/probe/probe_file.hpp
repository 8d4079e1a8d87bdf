// SPDX-License-Identifier: BSD-3-Clause
// The `probe` file: a classifier on one layer of a network, and its probabilities of pictures that it has not seen
// (layout in cortune(5)).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "h5/file.hpp"
#include "linalg/gram.hpp"
#include "probe/logistic.hpp"
#include "probe/scores.hpp"
#include "weights/network_note.hpp"

namespace cortune::probe {

struct ProbeHeader : weights::NetworkNote {
    std::string fit;                                          // how pictures came to its size
    std::string layer, labels;                                // the labels' source
    std::string pool = "none", pca_split;                     // of the features: over space; what components were fitted on, empty: none were
    double c = 0, test_share = 0;
    std::vector<double> c_grid, cv_log_loss;                  // where C was chosen: those tried, mean over folds of training images
    std::int64_t split_seed = 0, train_images = 0;
    bool optimistic = false;                                  // scored images tuned the network
    std::string optimistic_reason;
    std::vector<std::string> classes;
    std::vector<std::string> image, image_sha256;             // scored ones
    std::vector<std::int32_t> label;                          // of them
    std::vector<std::string> fitted_image, fitted_sha256;     // those that the classifier was fitted on
};

struct Standardiser {
    Eigen::RowVectorXf mean, scale;  // features: (x − mean) / scale
};

void write_probe(const std::filesystem::path& path, const h5::Record& record, bool overwrite, const ProbeHeader& header, const Standardiser& standard,
                 const LogisticFit& fit, const linalg::RowMatrixF& probability, const Scores& scores, const Comparison* comparison);

class ProbeFile {
  public:
    // Throws BadInput for a file of another kind, and for parts that do not fit each other.
    explicit ProbeFile(const std::filesystem::path& path);
    const h5::Input& input() const { return input_; }
    const ProbeHeader& header() const { return header_; }
    std::int64_t images() const { return images_; }
    std::int64_t classes() const { return static_cast<std::int64_t>(header_.classes.size()); }
    // Rows [first, first + count) of the probabilities. Throws BadInput where one is no distribution.
    linalg::RowMatrixF probability(std::int64_t first, std::int64_t count) const;
    // Where many are open: lets go of what check_same_test has looked at.
    void forget_images();
    Standardiser standardiser() const;
    LogisticFit fit() const;
    double top1() const;
    Interval top1_interval() const;
    std::optional<Comparison> comparison() const;  // with --reference's

  private:
    h5::Input input_;
    ProbeHeader header_;
    std::int64_t images_ = 0;
};

// Throws BadInput naming both where two probes are not of the same scored images with the same classes, in the same order.
void check_same_test(const ProbeHeader& one, const std::string& one_name, const ProbeHeader& other, const std::string& other_name);

}  // namespace cortune::probe
