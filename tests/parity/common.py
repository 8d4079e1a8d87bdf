# SPDX-License-Identifier: BSD-3-Clause
"""What the parity tests share: running tools, small data sets, checks with a tolerance."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

BIN = pathlib.Path(os.environ["CORTUNE_BIN"])
SOURCE = pathlib.Path(os.environ["CORTUNE_SOURCE"])
SHARED = SOURCE.parent / "shared" / "data"
sys.path.append(str(SOURCE / "tests/support"))
import edited  # noqa: E402, F401: of every h5py.File that is opened to be edited

DEVICE = os.environ.get("CORTUNE_TEST_DEVICE", "cpu")


def command_of(tool, arguments):
    """What starts a tool; those that compute with LibTorch, on the device under test."""
    computes = tool in ("backbone-train", "cl-finetune", "ridge-encode", "transfer-eval", "feature-extract", "salience-map", "field-map") and "--device" not in arguments
    return [str(BIN / tool), *map(str, arguments), *(["--device", DEVICE] if computes else [])]


def run(tool, *arguments, expect=0):
    """Runs a tool, returns what it printed; stops the test on another exit code."""
    command = command_of(tool, arguments)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != expect:
        sys.exit(f"{' '.join(command)}\nexit {done.returncode}, expected {expect}\n{done.stderr}")
    return done.stdout


def failure(tool, *arguments, expect):
    """What a tool says that is to end with this exit code."""
    done = subprocess.run(command_of(tool, arguments), capture_output=True, text=True)
    assert done.returncode == expect, (done.returncode, done.stderr)
    return done.stderr


def close(what, found, expected, tolerance, relative=False):
    """Largest absolute difference (or relative to the largest expected value)."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    if found.shape != expected.shape:
        sys.exit(f"FAILED {what}: shape {found.shape}, expected {expected.shape}")
    if not found.size:
        sys.exit(f"FAILED {what}: nothing to compare")
    difference = np.max(np.abs(found - expected))
    if relative:
        difference /= np.max(np.abs(expected))
    verdict = "ok" if difference <= tolerance else "FAILED"
    print(f"{verdict} {what}: difference {difference:.2e}, tolerance {tolerance:.0e}")
    if difference > tolerance:
        sys.exit(1)


def scratch():
    return tempfile.TemporaryDirectory(prefix="cortune-test-")


def make_dataset(folder, images=40, size=64, voxels=30, seed=0, name="data"):
    """A `table` data set of random smooth pictures and responses that depend on them."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    folder = pathlib.Path(folder)
    pictures = folder / f"{name}-images"
    pictures.mkdir()
    summary = []
    for i in range(images):
        small = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(small).resize((size, size), Image.BICUBIC).save(pictures / f"img{i:04d}.png")
        summary.append(small.reshape(-1)[:60] / 255.0)
    responses = np.asarray(summary) @ rng.standard_normal((60, voxels))
    responses = responses + 0.3 * rng.standard_normal(responses.shape)
    responses = (responses - responses.mean(0)) / responses.std(0)
    np.save(folder / f"{name}.npy", responses.astype(np.float32))
    out = folder / f"{name}.h5"
    run("nsd-extract", "table", "--images", pictures, "--responses", folder / f"{name}.npy",
        "--namespace", name, "--size", size, "-o", out)
    return out


def torchvision_features(network, pixels, taps):
    """Outputs of named modules, before a following in-place activation changes them."""
    import torch

    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    x = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - mean) / std
    found = {}
    for tap in taps:
        module = network.get_submodule(tap)
        module.register_forward_hook(lambda m, i, o, tap=tap: found.__setitem__(tap, o.detach().clone().flatten(1)))
    with torch.no_grad():
        network.eval()(x)
    return found


def same_bytes(one, other):
    """Two folders hold the same files."""
    names = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(other) for p in other.rglob("*") if p.is_file())
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def same_data_sets(a, b):
    """Two open HDF5 files hold the same data sets, but for who made them."""
    import h5py

    names = lambda f: sorted(n for n in f if isinstance(f[n], h5py.Dataset) and n not in ("provenance", "file_sha256"))
    assert names(a) == names(b)
    for name in names(a):
        x, y = a[name][()], b[name][()]
        assert np.array_equal(x, y, equal_nan=x.dtype.kind == "f"), name


def same_library(path):
    """Whether the file was made with the LibTorch that Python has."""
    import h5py
    import torch

    with h5py.File(path) as file:
        tree = json.loads(file["provenance"].asstr()[()])
    made_with = tree["nodes"][tree["root"]]["libraries"]["libtorch"]
    return made_with.split(".")[:2] == torch.__version__.split(".")[:2]
