// SPDX-License-Identifier: BSD-3-Clause
// How the tensors of a model file are kept. A study has hundreds of tuned networks that differ little from one
// untuned network.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "h5/file.hpp"
#include "weights/state_dict.hpp"

namespace cortune::weights {

// difference: what was added to the untuned network's float32 numbers, counted in steps from one to the next, so that
// nothing is lost; about half the size. difference16: their difference in float16; about a quarter. Both are
// deflated and are read with the untuned network at hand.
enum class Storage { float32, float16, bfloat16, difference, difference16 };

const std::vector<std::string>& storage_names();
Storage storage_of(const std::string& name);  // of storage_names()
const std::string& name_of(Storage storage);
inline bool needs_base(Storage s) { return s == Storage::difference || s == Storage::difference16; }

// A group of tensors (/backbone, /heads), one data set each. base: the untuned network, with the tensors of `state`; not looked at where it is not needed.
void write_stored(h5::Node& group, const StateDict& state, Storage storage, const StateDict& base);
StateDict read_stored(const h5::Node& group, Storage storage, const StateDict& base);

// What storing changed, as a share of what tuning had changed: √(Σ (kept − tuned)² / Σ (tuned − untuned)²).
double storage_error(const StateDict& kept, const StateDict& tuned, const StateDict& untuned);

// The untuned network of a file that keeps differences: at `recorded`, from the file's folder, among the shipped ones, or
// $CORTUNE_WEIGHTS; the first whose parameters have this SHA-256. Throws BadInput where there is none.
StateDict find_base(const h5::Input& file, const std::string& recorded, const std::string& sha256);

}  // namespace cortune::weights
