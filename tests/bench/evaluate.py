# SPDX-License-Identifier: BSD-3-Clause
"""encode-eval at real size: 40,000 vertices, 1,500 images, two models, 1,000 permutations and
bootstrap samples, against the loop over resamples that one would write in numpy.

  tests/bench/evaluate.py [--bin DIR] [--vertices 40000] [--images 1500] [--resamples 1000]

numpy's loop is run for a few resamples and multiplied. Goal: a minute on 2 cores.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "parity"))


def numpy_loop(p, q, y, rng, times):
    """Seconds of one resample: bootstrap of r and of the difference, permutation, exchange."""
    def r(a, b):
        a, b = a - a.mean(0), b - b.mean(0)
        return (a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0))

    start = time.time()
    for _ in range(times):
        rows = rng.integers(0, len(y), len(y))
        r(p[rows], y[rows]), r(q[rows], y[rows])
        order = rng.permutation(len(y))
        r(p, y[order]), r(q, y[order])
        swap = rng.integers(0, 2, (len(y), 1)).astype(bool)
        r(np.where(swap, q, p), y), r(np.where(swap, p, q), y)
    return (time.time() - start) / times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2] / "build/release/bin")
    parser.add_argument("--vertices", type=int, default=40000)
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--resamples", type=int, default=1000)
    o = parser.parse_args()
    os.environ["CORTUNE_BIN"] = str(o.bin)
    from test_evaluate import write

    rng = np.random.default_rng(0)
    n, v = o.images, o.vertices
    y = rng.standard_normal((n, v), dtype=np.float32)
    p = 0.4 * y + rng.standard_normal((n, v), dtype=np.float32)
    q = 0.45 * y + rng.standard_normal((n, v), dtype=np.float32)
    images = [f"t:{i:05d}" for i in range(n)]
    with tempfile.TemporaryDirectory() as folder:
        a, b = f"{folder}/a.h5", f"{folder}/b.h5"
        write(a, {("lh", "x", "R"): (np.arange(v), p, y, None)}, images, -np.ones(n))
        write(b, {("lh", "x", "R"): (np.arange(v), q, y, None)}, images, -np.ones(n), "mse", tuned=["t:other"])
        start = time.time()
        done = subprocess.run(["/usr/bin/time", "-f", "PEAK %M", o.bin / "encode-eval", a, b, "-q", "--permutations", str(o.resamples),
                               "--bootstrap", str(o.resamples), "-o", f"{folder}/out.h5"], capture_output=True, text=True, check=True)
        ours = time.time() - start
    peak = int(re.search(r"PEAK (\d+)", done.stderr).group(1)) / 1024
    theirs = numpy_loop(p, q, y, rng, 3) * o.resamples
    print(f"{v} vertices, {n} images, {o.resamples} resamples: {ours:.1f} s, peak {peak:.0f} MiB (goal 60 s: {'met' if ours <= 60 else 'NOT MET'}); "
          f"numpy's loop {theirs:.0f} s, ratio {theirs / ours:.0f}")


if __name__ == "__main__":
    main()
