# SPDX-License-Identifier: BSD-3-Clause
"""The fast PCA where it is the default: thousands of images, 1,000 components. Runs ridge-encode
with --pca exact and fast on one layer of AlexNet and compares r, penalties and time.

  tests/bench/pca.py [--bin DIR] [--images 8235] [--voxels 1000] [--layer features.12]

Demanded: r within 1e-3, equal penalties for 99.9 % of voxels.
"""
import argparse
import pathlib
import tempfile

import h5py
import numpy as np

from encode import prepare, same_blas_kernel, timed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2] / "build/release/bin")
    parser.add_argument("--images", type=int, default=8235)
    parser.add_argument("--voxels", type=int, default=1000)
    parser.add_argument("--layer", default="features.12")
    o = parser.parse_args()
    same_blas_kernel()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        prepare(folder, o.bin, o.images, o.voxels)
        found, seconds = {}, {}
        for mode in ("exact", "fast"):
            out = folder / f"{mode}.h5"
            seconds[mode], peak, _ = timed([o.bin / "ridge-encode", folder / "data.h5", folder / "alexnet.h5", "--layers", o.layer, "--pca", mode,
                                            "-q", "-o", out])
            with h5py.File(out) as file:
                roi = next(iter(next(iter(file["results/all"].values())).values()))
                p, y = roi["prediction"][:].astype(float), roi["response"][:].astype(float)
                p, y = p - p.mean(0), y - y.mean(0)
                found[mode] = (roi["cv_r"][0], roi["alpha"][0], (p * y).sum(0) / np.sqrt((p**2).sum(0) * (y**2).sum(0)))
            print(f"{mode}: {seconds[mode]:.0f} s with the forward pass, peak {peak:.0f} MiB, mean r {found[mode][2].mean():.4f}")
        (cv_a, alpha_a, r_a), (cv_b, alpha_b, r_b) = found["exact"], found["fast"]
        equal = np.isclose(alpha_a, alpha_b).mean()
        off = max(np.abs(cv_a - cv_b).max(), np.abs(r_a - r_b).max())
        print(f"{o.images} images, {o.layer}: equal penalties {100 * equal:.2f} %, r off by at most {off:.1e} "
              f"(demanded 99.9 % and 1e-3: {'met' if equal >= 0.999 and off <= 1e-3 else 'NOT MET'})")


if __name__ == "__main__":
    main()
