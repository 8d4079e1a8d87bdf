#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Makes the shipped backbone again: share/models/make.sh [BIN] [OUT]. About 10 minutes
# on 2 cores. Bit for bit the same with the same LibTorch, BLAS kernel and threads.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=$(realpath "${1:-$root/build/release/bin}")
out=$(realpath -m "${2:-$root/share/models/alexnet-mini.h5}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$bin/nsd-simulate" --labelled classes --per-class 400 --val-per-class 40 --seed 7
"$bin/backbone-train" classes --epochs 24 --seed 7 --threads 2 -o alexnet-mini.h5
mv alexnet-mini.h5 "$out"
