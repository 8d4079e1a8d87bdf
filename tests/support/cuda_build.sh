#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds preset `cuda` for one architecture against the Python package torch (in a
# virtual environment of its own) and an installed toolkit, and runs the CPU tests.
# TORCH_DIR=<folder of an installed torch> uses that one; ARCH=9.0 is the default.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
skip() { echo "cuda build: SKIPPED ($1)"; exit 0; }
command -v nvcc > /dev/null || PATH=$PATH:/usr/local/cuda/bin
command -v nvcc > /dev/null || skip "no CUDA toolkit: nvcc is neither on PATH nor in /usr/local/cuda/bin"

venv=build/cuda-venv
if [ -z "${TORCH_DIR:-}" ]; then
    tests/support/cuda_torch.sh
    TORCH_DIR=$(ls -d "$root"/$venv/lib/python3*/site-packages/torch)
fi
cmake=$root/$venv/bin/cmake
[ -x "$cmake" ] || cmake=cmake
for lib in "$TORCH_DIR"/../nvidia/*/lib; do
    [ -d "$lib" ] && LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$lib"
done
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}"
# What needs no tensors is the same code as in the release build, and is tested there: where that build is there, the
# engine alone is made. Else all.
base="" targets=(all)
if [ -x build/release/bin/cl-finetune ] && cmake --build build/release; then
    base=$root/build/release targets=(unit_engine engine_driver ridge_driver)
    LD_LIBRARY_PATH=$root/build/cuda/lib:$LD_LIBRARY_PATH
fi
TORCH_CUDA_ARCH_LIST=${ARCH:-9.0} "$cmake" --preset cuda -DCORTUNE_TORCH_DIR="$TORCH_DIR" -DCORTUNE_BASE_BUILD="$base" $(share/setup/first-build.sh build/cuda)
"$cmake" --build build/cuda --target "${targets[@]}"
# What computes with LibTorch; CORTUNE_CUDA_TESTS is another choice.
tests=${CORTUNE_CUDA_TESTS:-unit_engine|parity_test_(backbone|features|pooling|process_rules|processes|ridge|salience|store|transfer|tuning)|tool_(encode|honest|tune)}
ctest --test-dir build/cuda -j 2 --output-on-failure --no-tests=error -R "^($tests)\$"
echo "cuda build: passed, LibTorch $(cat "$TORCH_DIR"/version.py | sed -n "s/^__version__ = '\(.*\)'/\1/p"), $(nvcc --version | sed -n 's/.*release \([0-9.]*\).*/nvcc \1/p'), CPU path"
