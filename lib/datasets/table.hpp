// SPDX-License-Identifier: BSD-3-Clause
// Any experiment as a table: pictures in a folder or a zip archive, responses as one
// matrix of images × units or units × images.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "datasets/extract.hpp"

namespace cortune::datasets {

// One session per element of `images`: more pictures shown to the same units.
struct TableOptions {
    std::vector<std::string> images;      // folders or archives
    std::vector<std::string> responses;   // .npy, as many
    std::vector<std::string> namespaces;  // as many
    std::vector<std::string> names;       // lists that give the order; none, or as many
    std::vector<std::string> runs;        // lists of the rows' runs, a label a line; none, or as many
    std::string orientation = "auto";     // "auto", "images-by-units" or "units-by-images"
    bool average_repeats = false;         // names that are repeated are presentations of one picture
    std::string ceiling = "none";         // from the repeats (repeat_ceiling.hpp)
    std::string subject;                  // empty: the first namespace
    std::string roi;                      // name of the one ROI, all units; empty: the subject
};

// The id of a picture is its relative name without the ending. One hemisphere "all"
// with one ROI class "table". Throws UsageError for options that do not fit together
// or an orientation that the shape leaves open, BadInput for counts that do not match.
Plan table_plan(const TableOptions& options, Reporter& reporter);

}  // namespace cortune::datasets
