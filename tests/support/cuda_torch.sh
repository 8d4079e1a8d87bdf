#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The Python packages torch and safetensors in a virtual environment of its own, build/cuda-venv, for the CUDA build; nothing where it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=build/cuda-venv
[ -x $venv/bin/python ] || /usr/bin/python3 -m venv $venv
! $venv/bin/python -c 'import importlib.util as u, sys; sys.exit(not (u.find_spec("torch") and u.find_spec("safetensors")))' || exit 0
# CMake from there as well: Debian's does not know CUDA C++20 with a current nvcc.
# Only what the libraries are linked against and the toolkit does not bring.
mapfile -t packages < <(share/setup/install-deps.sh --list python)
$venv/bin/pip install --quiet --no-cache-dir --no-compile "${packages[@]}"
mapfile -t packages < <(share/setup/install-deps.sh --list pytorch)
$venv/bin/pip install --quiet --no-cache-dir --no-compile --no-deps "${packages[@]}"
