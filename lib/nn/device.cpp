// SPDX-License-Identifier: BSD-3-Clause
#include "nn/device.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#ifdef CORTUNE_CUDA
#include <ATen/cuda/CUDAContext.h>
#endif
#include <fmt/format.h>
#include <torch/version.h>

#include <charconv>
#include <cstdlib>

#include "core/error.hpp"
#include "linalg/threads.hpp"

namespace cortune::nn {

torch::Device choose_device(const std::string& name, int threads) {
    // cuBLAS repeats its sums only with a workspace of its own, chosen before it starts.
    ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);
    at::set_num_threads(threads);
    linalg::set_blas_threads(threads);
    at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true);
    // float32 means float32, not the 10 bits of TF32.
    at::globalContext().setAllowTF32CuBLAS(false);
    at::globalContext().setAllowTF32CuDNN(false);
    at::globalContext().setBenchmarkCuDNN(false);
    at::globalContext().setDeterministicCuDNN(true);
    if (name == "cpu") return torch::kCPU;
    if (name == "auto") return torch::cuda::is_available() ? torch::Device(torch::kCUDA, 0) : torch::Device(torch::kCPU);
    int index = 0;
    if (name.starts_with("cuda:")) {
        const char* end = name.data() + name.size();
        const auto parsed = std::from_chars(name.data() + 5, end, index);
        if (parsed.ec != std::errc{} || parsed.ptr != end) index = -1;
    } else if (name != "cuda") {
        index = -1;
    }
    if (index < 0) throw UsageError(fmt::format("--device {}: expected auto, cpu, cuda or cuda:N", name));
    const auto count = static_cast<int>(torch::cuda::device_count());
    if (index >= count)
        throw ResourceError(fmt::format("--device {}: this machine offers {} CUDA devices", name, count),
                            "--device cpu runs everywhere");
    return {torch::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

void describe(h5::Record& record, const torch::Device& device) {
    record.device = device.str();
#ifdef CORTUNE_CUDA
    if (device.is_cuda()) record.device += fmt::format(" ({})", at::cuda::getDeviceProperties(device.index())->name);
#endif
    record.libraries["libtorch"] = TORCH_VERSION;
    record.libraries["openblas"] = linalg::blas_version();
}

}  // namespace cortune::nn
