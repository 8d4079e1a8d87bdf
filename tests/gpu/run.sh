#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The tests of what computes with LibTorch, on a GPU: run.sh BIN [TEST…]. BIN is the folder of the tools of
# preset `cuda`; PYTHON is python3 with torch, h5py and pillow. Says SKIPPED where there is no GPU.
set -euo pipefail
bin=$(realpath "$1")
shift
root=$(cd "$(dirname "$0")/../.." && pwd)
gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader 2> /dev/null | head -1) || true
[ -n "$gpu" ] || { echo "gpu tests: SKIPPED (nvidia-smi names no GPU)"; exit 0; }
[ $# -gt 0 ] || set -- parity/test_backbone parity/test_tuning parity/test_pooling parity/test_processes parity/test_process_rules parity/test_transfer parity/test_salience parity/test_lateral parity/test_information gpu/test_devices
export CORTUNE_BIN=$bin CORTUNE_SOURCE=$root CORTUNE_TEST_DEVICE=cuda PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$root/tests/parity${PYTHONPATH:+:$PYTHONPATH}"
failed=()
for name in "$@"; do
    begin=$SECONDS
    "${PYTHON:-/usr/bin/python3}" "$root/tests/$name.py" || failed+=("$name")
    echo "== $name on $gpu: $((SECONDS - begin)) s"
done
[ ${#failed[@]} = 0 ] || { echo "gpu tests: failed on $gpu: ${failed[*]}"; exit 1; }
echo "gpu tests: passed on $gpu"
