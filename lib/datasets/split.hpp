// SPDX-License-Identifier: BSD-3-Clause
// Which side an image is on. It depends on the image's id and a seed alone, so an
// image is on the same side for every subject, and stays there when images are added.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cortune::datasets {

// Of every image the id under which its side is drawn: one picture under several ids (equal pixels)
// is on one side, that of the least of them.
std::vector<std::string> side_ids(const std::vector<std::string>& ids, const std::vector<std::string>& sha256);

enum class Split : std::uint8_t { train = 0, test = 1, official_test = 2 };

inline constexpr const char* split_names[] = {"train", "test", "official_test"};

// u = first 8 bytes of SHA-256("<seed>/<id>"), big-endian, / 2^64; test where
// u < test_share.
Split split_of(const std::string& id, std::int64_t seed, double test_share);

// Fold in [0, folds) of an image: the same hash over "<seed>/fold/<id>".
int fold_of(const std::string& id, std::int64_t seed, int folds);

// Whether a training image belongs to the inner validation part (early stopping):
// the same hash over "<seed>/inner/<id>" below `share`.
bool inner_validation(const std::string& id, std::int64_t seed, double share);

}  // namespace cortune::datasets
