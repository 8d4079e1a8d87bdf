// SPDX-License-Identifier: BSD-3-Clause
// The pictures that a region answers to most, with the maps of both hemispheres side by side.
#pragma once

#include <string>

#include "datasets/dataset.hpp"
#include "salience/salience_file.hpp"

namespace cortune::report {

struct SheetRegion {
    std::string roi_class, roi;
};

bool shares_pictures(const datasets::DatasetFile& data, const salience::SalienceFile& left, const salience::SalienceFile& right);

// A piece of a page. Pictures of `data` that both files have, in the order of the region's response: its mean over vertices, z-scored over
// these pictures in each hemisphere that has the region, and averaged. Throws BadInput where there is none, or the maps have another size
// than the data's pictures.
std::string contact_sheet(const datasets::DatasetFile& data, const SheetRegion& region, const salience::SalienceFile& left, const salience::SalienceFile& right, int pictures);

}  // namespace cortune::report
