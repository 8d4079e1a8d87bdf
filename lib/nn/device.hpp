// SPDX-License-Identifier: BSD-3-Clause
// Which device computes, and how a run is made repeatable on it.
#pragma once

#include <string>

#include "h5/provenance.hpp"
#include "nn/torch.hpp"

namespace cortune::nn {

// "auto" is cuda where there is one, else cpu. Throws ResourceError for a device that
// is not there. Sets the number of threads and deterministic kernels.
torch::Device choose_device(const std::string& name, int threads);

// LibTorch's version and the device (a GPU's name, too) into a record.
void describe(h5::Record& record, const torch::Device& device);

}  // namespace cortune::nn
