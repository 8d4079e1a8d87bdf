// SPDX-License-Identifier: BSD-3-Clause
// What we use of LibTorch: tensors, autograd and devices. <torch/torch.h> would bring modules, optimisers and
// data loaders, too, whose inline functions every file would compile again, for ten seconds each.
#pragma once

#include <torch/csrc/autograd/custom_function.h>
#include <torch/cuda.h>
#include <torch/types.h>
#include <torch/utils.h>
