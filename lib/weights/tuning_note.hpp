// SPDX-License-Identifier: BSD-3-Clause
// What a safetensors file of ours says beside the tensors: how, and with which pictures,
// the backbone was tuned. Without it a tuned network that went through safetensors
// would pass for an untuned one, and be scored on pictures that it has seen.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "weights/model_file.hpp"

namespace cortune::weights {

// Entries for __metadata__: "format" (Python's reader wants it) and, for a tuned model,
// "cortune.model", a JSON object with everything of Model but tensors, the identity and
// provenance of its file included.
std::map<std::string, std::string> tuning_note(const Model& model);

// Fills `model` from the note where there is one. Throws BadInput when it is malformed, when
// the model file would be refused with what it says, and when there are heads but no note.
void read_tuning_note(const std::map<std::string, std::string>& metadata, const std::string& where, Model& model);

// Names of heads in a safetensors file that holds them beside the backbone.
inline constexpr const char* heads_prefix = "heads.";
// {backbone, heads (prefix removed)}.
std::pair<StateDict, StateDict> separate_heads(StateDict state);

}  // namespace cortune::weights
