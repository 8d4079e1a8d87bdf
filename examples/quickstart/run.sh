#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what is missing, builds, and runs the main job on a simulated subject.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
share/setup/install-deps.sh build
cmake --preset release -DCORTUNE_TESTS=OFF $(share/setup/first-build.sh build/release) > build.log 2>&1 || { cat build.log; exit 1; }
rm -f build.log
cmake --build --preset release
make -C examples/quickstart -j2 --no-print-directory "$@"
