// SPDX-License-Identifier: BSD-3-Clause
// Classes of labelled pictures, from the ids of features ("<namespace>:<path>") and, where folders do not say it, a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace cortune::probe {

struct Labels {
    std::vector<std::string> name;    // of the classes; sorted, whole numbers by value
    std::vector<std::int32_t> label;  // of every picture, an index into `name`
    std::string source;               // where they come from, for people
};

// Without `file` the class of a picture is the folder that it lies in (Caltech-256, ImageNet in class folders). Else, by
// what its lines are:
//   one whole number   the class of the i-th picture in the order of names (ImageNet's ILSVRC2012_validation_ground_truth.txt)
//   two columns        a picture's name, with or without folders, and its class (Places365's places365_val.txt)
//   one name           a class that is the beginning of its pictures' paths, "/a/abbey" (SUN397's ClassName.txt)
// Throws BadInput for pictures without a class, a list of another length, a name that two pictures have, and fewer than
// two classes.
Labels label_pictures(const std::vector<std::string>& id, const std::filesystem::path& file);

}  // namespace cortune::probe
