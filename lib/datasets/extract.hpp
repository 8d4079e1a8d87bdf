// SPDX-License-Identifier: BSD-3-Clause
// From a source's own layout to a `dataset` file. A layout (algonauts.hpp, table.hpp)
// says in a plan what lies where; extract() does the rest, the same for all.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/reporter.hpp"
#include "datasets/checks.hpp"
#include "datasets/dataset.hpp"
#include "datasets/response_rows.hpp"
#include "h5/provenance.hpp"
#include "images/source.hpp"

namespace cortune::datasets {

struct PlannedImage {
    std::shared_ptr<const images::Source> source;
    std::size_t index = 0;  // in source->names()
    std::string id;         // "<namespace>:<name>"
    bool official_test = false;
    std::int32_t repeats = 1;  // presentations whose responses are averaged
    std::string where() const { return source->where(index); }
};

struct PlannedHemisphere {
    Hemisphere about;
    std::vector<ResponsePart> parts;  // together as many images as the plan
};

struct Plan {
    DatasetHeader header;  // subject, layout, namespace; extract() fills the rest
    std::vector<PlannedImage> images;
    std::vector<PlannedHemisphere> hemispheres;
    std::vector<std::filesystem::path> files;  // every foreign file beside the pictures
    std::vector<Finding> findings;             // what the layout itself noticed
    std::string ceiling = "none";              // from repeats: "ncsnr", … (repeat_ceiling.hpp)
};

struct ExtractOptions {
    int image_size = 224;
    std::int64_t split_seed = 0;
    double test_share = 0.15;
    std::filesystem::path test_list;  // ids or names, one a line; empty: split_of decides with seed and share
    bool allow_nan = false;
    // z-score every column with the mean and the deviation (divisor n) of its training
    // images; a constant column becomes zeros.
    bool normalize = false;
    bool strict = false;  // findings that are warnings end the extraction
    int threads = 1;
    bool overwrite = false;
    std::filesystem::path scratch;  // where a layout keeps what does not fit in memory; empty: beside the output
};

// The side of every image of the plan, as extract() will have it. Throws BadInput for ids
// that occur twice and for a list of test images that names none.
std::vector<Split> plan_split(const Plan& plan, const ExtractOptions& options, Reporter& reporter);

// Decodes on all threads, resizes (images::resize_bilinear), writes in order; memory
// does not grow with the number of images. Adds the inputs' hashes to `record`. Throws
// BadInput for a damaged picture (named), ids that occur twice, and responses that are
// not finite (counted per ROI) unless allowed, and with `strict` for any finding that looks
// wrong; findings (checks.hpp) go into the file and, where they are warnings, to `reporter`.
void extract(Plan plan, const ExtractOptions& options, h5::Record record, const std::filesystem::path& output,
             Reporter& reporter);

}  // namespace cortune::datasets
