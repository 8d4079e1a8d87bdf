// SPDX-License-Identifier: BSD-3-Clause
// safetensors: 8-byte little-endian header length, JSON header {name: {dtype, shape,
// data_offsets}}, raw little-endian data without holes.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "weights/state_dict.hpp"

namespace cortune::weights {

struct Safetensors {
    StateDict state;                              // in the order of the data
    std::map<std::string, std::string> metadata;  // the header's __metadata__
};

// Whether the file begins like one: a plausible header length, then '{'.
bool is_safetensors(const std::filesystem::path& path);

// F16, BF16, F32 and F64 become float32; integer counters of BatchNorm are left out.
// Throws BadInput naming file and tensor for offsets that do not fit, a hole, an
// overlap, a truncated file, another number format, or metadata that are no texts.
Safetensors read_safetensors(const std::filesystem::path& path);

// float32, data aligned to 8 bytes, tensors in the given order; whole or not at all.
void write_safetensors(const std::filesystem::path& path, const StateDict& state,
                       const std::map<std::string, std::string>& metadata, bool overwrite);

}  // namespace cortune::weights
