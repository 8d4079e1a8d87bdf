#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# first-build.sh FOLDER: prints what CMake gets besides where FOLDER has no build yet. From nothing, files compiled in
# groups take half the time; later, to a developer, a group is more than what changed (-DCMAKE_UNITY_BUILD=OFF).
set -euo pipefail
[ -e "$1/CMakeCache.txt" ] || echo -DCMAKE_UNITY_BUILD=ON
