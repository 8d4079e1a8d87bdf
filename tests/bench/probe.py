# SPDX-License-Identifier: BSD-3-Clause
"""class-probe against scikit-learn's LogisticRegression on one layer's features: 20,000 × 4,096, 100 classes.

    CORTUNE_BIN=build/release/bin /usr/bin/python3 tests/bench/probe.py [--images N] [--units D] [--classes K] [--threads T]

The features are rectified mixtures of 1,000 hidden causes, of which a class has its own means: correlated and sparse, as
those of a network. Both sides get the same split, standardisation, C = 1 and threads; scikit-learn stops at its own tolerance."""
import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

options = argparse.ArgumentParser()
for name, value in (("images", 20000), ("units", 4096), ("classes", 100), ("threads", 2)):
    options.add_argument(f"--{name}", type=int, default=value)
o = options.parse_args()
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(o.threads)
bin_dir = pathlib.Path(os.environ["CORTUNE_BIN"])
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from encode import same_blas_kernel  # noqa: E402

same_blas_kernel()

import h5py  # noqa: E402
import numpy as np  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.metrics import log_loss  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402


def make(folder):
    rng = np.random.default_rng(0)
    label = rng.integers(0, o.classes, o.images)
    # variances of hidden causes fall as 1/j, as those of networks' and the cortex's components do (Stringer et al. 2019)
    fall = np.arange(1, 1001) ** -0.5
    cause = (rng.standard_normal((o.images, 1000)) + 0.35 * rng.standard_normal((o.classes, 1000))[label]) * fall
    x = np.maximum(cause @ rng.standard_normal((1000, o.units)) / 3 + 0.05 * rng.standard_normal((o.images, o.units)) - 0.3, 0).astype(np.float32)
    subprocess.run([bin_dir / "nsd-simulate", "--labelled", folder / "classes", "--per-class", "2", "--val-per-class", "1"], check=True, capture_output=True)
    subprocess.run([bin_dir / "feature-extract", folder / "classes" / "train", "--layers", "classifier.5", "-o", folder / "template.h5"], check=True, capture_output=True)
    ids = [f"made:class{label[i]:03d}/{i:06d}.png" for i in range(o.images)]
    text = h5py.string_dtype()
    with h5py.File(folder / "template.h5") as old, h5py.File(folder / "features.h5", "w") as new:
        for key, value in old.attrs.items():
            new.attrs[key] = value
        new["provenance"] = old["provenance"][()]
        for key, values, kind in (("image", ids, text), ("image_sha256", [f"{i:064x}" for i in range(o.images)], text), ("tuned", np.zeros(o.images), "i2")):
            new.create_dataset(key, data=values, dtype=kind)
        new.create_dataset("features/layer", data=x)
    test = np.array([int.from_bytes(hashlib.sha256(f"0/{i}".encode()).digest()[:8], "big") / 2**64 for i in ids]) < 0.15
    return x, label, test


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    x, label, test = make(folder)
    start = time.time()
    done = subprocess.run([bin_dir / "class-probe", folder / "features.h5", "--threads", str(o.threads), "--json", "-o", folder / "probe.h5"], capture_output=True, text=True)
    ours = time.time() - start
    print(done.stderr.strip(), file=sys.stderr)
    row = json.loads(done.stdout)
    print(f"class-probe: {ours:.1f} s, {row['iterations']} iterations, top-1 {row['top1']:.4f}, log-loss {row['log_loss']:.6f}", flush=True)
    start = time.time()
    scaler = StandardScaler().fit(x[~test])
    model = LogisticRegression(C=1, max_iter=5000).fit(scaler.transform(x[~test]), label[~test])
    p = model.predict_proba(scaler.transform(x[test]))
    theirs = time.time() - start
    print(f"scikit-learn: {theirs:.1f} s, {model.n_iter_[0]} iterations, top-1 {np.mean(p.argmax(1) == label[test]):.4f}, log-loss {log_loss(label[test], p.astype(np.float64)):.6f}")
    print(f"ratio {theirs / ours:.2f}")
