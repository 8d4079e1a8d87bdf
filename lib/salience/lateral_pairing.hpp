// SPDX-License-Identifier: BSD-3-Clause
// Which salience files belong together, and which pictures they are compared on.
#pragma once

#include <string>
#include <vector>

#include "salience/salience_file.hpp"

namespace cortune::salience {

struct PairedFiles {
    const SalienceFile *left, *right, *untuned;  // untuned: may be null
};

// As compare_hemispheres says. `unpaired` gets the paths of files without a counterpart.
std::vector<PairedFiles> pair_files(const std::vector<SalienceFile>& files, std::vector<std::string>& unpaired);

// Pictures that all files have, with the same pixels and the same class shown, in the first one's order.
struct ComparedPictures {
    std::vector<std::string> image;
    std::vector<std::vector<std::size_t>> rows;  // of every file
    std::int64_t left_out = 0;                   // that tuned a network or fitted a score; with allow_seen they are among the compared ones
    std::int64_t other_class = 0;                // of which the maps are of different classes
};
// Throws BadInput where one id is two pictures.
ComparedPictures compared_pictures(const std::vector<const SalienceFile*>& files, bool allow_seen);

}  // namespace cortune::salience
