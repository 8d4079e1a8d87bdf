// SPDX-License-Identifier: BSD-3-Clause
// Published accuracies, to be set beside one's own.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "encode/evaluation.hpp"

namespace cortune::report {

// JSON: {"source": TEXT, "results": {SUBJECT: {"<hemisphere>_<ROI>": {METHOD: {"mean_r": NUMBER, …}}}}}.
class Published {
  public:
    explicit Published(const std::filesystem::path& file);  // BadInput naming what is not so

    const std::string& source() const { return source_; }
    bool has_method(const std::string& method) const;
    std::string methods() const;  // those that it has, for messages
    // Mean over a region's voxels; NaN where it is not there.
    double mean_r(const std::string& subject, const std::string& hemisphere, const std::string& roi, const std::string& method) const;

  private:
    std::string source_;
    std::map<std::string, std::map<std::string, std::map<std::string, double>>> mean_r_;  // subject, region, method
};

// One method in one region: means over the subjects that both have, by name.
struct BesidePublished {
    std::string hemisphere, roi, method, theirs;
    std::size_t subjects = 0;
    double r = 0, published_r = 0;
    double gain = 0, published_gain = 0;  // from the first model and its published counterpart
};

// names: of the evaluation's models, the published method; those that are not among them are left out.
std::vector<BesidePublished> beside_published(const encode::Evaluation& evaluation, const Published& published, const std::map<std::string, std::string>& names);

// How alike the two are over the regions of a method.
struct Agreement {
    std::string method;
    std::size_t regions = 0;
    double r = 0, published_r = 0;  // means
    double p = 0;                   // of their difference: two-sided, signs of the regions' differences flipped
    double correlation = 0;         // Pearson's; NaN with one region
};
std::vector<Agreement> agreement(const std::vector<BesidePublished>& rows);

}  // namespace cortune::report
