#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what is missing, builds and passes the tests.
#   tests/run.sh                the release build and all tests
#   tests/run.sh --asan         also the unit tests under the address and undefined-behaviour sanitizers
#   tests/run.sh --cluster      only: the study by a real Slurm, with the release build that is there
#   tests/run.sh --cuda-build   only: builds against the Python package torch and an installed CUDA toolkit,
#                               for one GPU architecture, and runs the CPU tests of what computes with it
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
asan=0 cuda=0 cluster=0
for option in "$@"; do
    case $option in
        --asan) asan=1 ;;
        --cluster) cluster=1 ;;
        --cuda-build) cuda=1 ;;
        *) echo "usage: tests/run.sh [--asan] [--cluster] [--cuda-build]" >&2; exit 2 ;;
    esac
done

share/setup/install-deps.sh build test
if [ $cuda = 1 ]; then
    share/setup/install-deps.sh cuda
    exec tests/support/cuda_build.sh
fi

if [ $cluster = 1 ]; then
    share/setup/install-deps.sh cluster
    # 77: there is no root, or there are no two cores, and it said so.
    tests/cluster/slurm.sh || [ $? = 77 ]
    exit
fi

cmake --preset release -DCORTUNE_WERROR=ON -DCORTUNE_TESTS=ON $(share/setup/first-build.sh build/release)
cmake --build --preset release
share/setup/docs.sh --check build/release/bin
# Two at a time: many of them wait for Python or for one thread.
ctest --test-dir build/release -j 2 --output-on-failure --no-tests=error
if [ $asan = 1 ]; then
    cmake --preset asan -DCORTUNE_WERROR=ON
    cmake --build --preset asan --target unit_base
    ctest --test-dir build/asan --output-on-failure --no-tests=error -R '^unit_base$'
fi
