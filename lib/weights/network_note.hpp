// SPDX-License-Identifier: BSD-3-Clause
// What files say of the network that they were made with.
#pragma once

#include <string>

#include "weights/model_file.hpp"

namespace cortune::weights {

struct NetworkNote {
    std::string backbone, method = "untuned";          // as in the model file
    std::string model_uuid;                            // empty for weights that are no file of cortune
    std::string model_sha256;                          // of the network's parameters
    std::string subjects, hemisphere, roi_class, roi;  // what tuned it, subjects joined by +; empty for an untuned one
};

// For people: "subj01 lh V1v", with the method where it is not infonce; "untuned".
std::string network_label(const NetworkNote& note);

NetworkNote network_note(const Model& model);
// As attributes of a file's root: backbone, method, model_uuid, model_sha256 and, of a tuned one, tuned_subjects, hemisphere,
// roi_class, roi.
void write_network_note(h5::Node& root, const NetworkNote& note);
NetworkNote read_network_note(const h5::Node& root);

}  // namespace cortune::weights
