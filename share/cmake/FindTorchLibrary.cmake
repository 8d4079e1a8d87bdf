# SPDX-License-Identifier: BSD-3-Clause
# Makes the target cortune_torch from Debian's libtorch-dev, or, with
# -DCORTUNE_TORCH_DIR=<site-packages>/torch, from the Python package torch.
set(CORTUNE_TORCH_DIR "" CACHE PATH "Folder of the Python package torch; empty: the system's LibTorch")
add_library(cortune_torch INTERFACE)
if(CORTUNE_TORCH_DIR)
  # Its package looks for libtorch and libc10 by name and would take Debian's where
  # both are installed; such a program aborts at start. The package it builds on (Caffe2,
  # with the targets themselves) it looks for in the system's folders first.
  list(PREPEND CMAKE_LIBRARY_PATH ${CORTUNE_TORCH_DIR}/lib)
  set(Caffe2_DIR ${CORTUNE_TORCH_DIR}/share/cmake/Caffe2)
  if(NOT DEFINED TORCH_CUDA_ARCH_LIST AND NOT DEFINED ENV{TORCH_CUDA_ARCH_LIST})
    set(TORCH_CUDA_ARCH_LIST "9.0")
  endif()
  find_package(Torch REQUIRED PATHS ${CORTUNE_TORCH_DIR}/share/cmake/Torch NO_DEFAULT_PATH)
  # It brings headers of its own fmt, which stand before the system's: their functions are
  # compiled in, since the system's library has those of another version.
  target_compile_definitions(cortune_torch INTERFACE FMT_HEADER_ONLY CORTUNE_CUDA)
  # Several processes on GPUs speak through NCCL, whose header is a package of its own.
  find_path(NCCL_INCLUDE nccl.h PATHS ${CORTUNE_TORCH_DIR}/../nvidia/nccl/include NO_DEFAULT_PATH)
  if(NCCL_INCLUDE)
    target_include_directories(cortune_torch SYSTEM INTERFACE ${NCCL_INCLUDE})
    target_compile_definitions(cortune_torch INTERFACE CORTUNE_NCCL)
  endif()
  # The toolkit's NCCL may be older than the one torch was linked against and brings.
  target_link_options(cortune_torch INTERFACE -Wl,--allow-shlib-undefined)
elseif(CORTUNE_NEEDS_TORCH_DIR)
  message(FATAL_ERROR "preset cuda builds against the Python package torch: give -DCORTUNE_TORCH_DIR=<site-packages>/torch "
                      "(tests/run.sh --cuda-build does it all)")
else()
  find_package(Torch REQUIRED)
endif()
target_link_libraries(cortune_torch INTERFACE ${TORCH_LIBRARIES})
