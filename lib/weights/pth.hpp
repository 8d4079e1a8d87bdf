// SPDX-License-Identifier: BSD-3-Clause
// State dicts saved by torch.save: a zip that holds <folder>/data.pkl and
// <folder>/data/<key>, or (before PyTorch 1.6) one stream of pickles with the storages
// appended. The pickle is read as data: nothing that it names is ever called.
#pragma once

#include <filesystem>

#include "weights/state_dict.hpp"

namespace cortune::weights {

// Whether the file begins like a zip or like the older stream.
bool is_pth(const std::filesystem::path& path);

// The tensors of a state dict, or of the entry "state_dict" of a training checkpoint,
// in C order whatever their strides. Floating-point formats become float32; integer
// counters of BatchNorm are left out. Throws BadInput for any global but
// collections.OrderedDict, torch._utils._rebuild_tensor_v2, its predecessor _rebuild_tensor,
// _rebuild_parameter and torch's storage classes, for values that are no tensors, and for truncated files.
StateDict read_pth(const std::filesystem::path& path);

}  // namespace cortune::weights
