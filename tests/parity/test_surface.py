# SPDX-License-Identifier: BSD-3-Clause
"""surface-export against nibabel: what is read back equals the source, on the right vertices
and the right side. Values are copied, so they are compared exactly."""
import os
import pathlib
import subprocess
import sys

import h5py
import nibabel
import numpy as np
from PIL import Image

from common import run, scratch

TOOL = os.path.join(os.environ["CORTUNE_BIN"], "surface-export")
VERTICES = 163842


def tree(folder, masks):
    """An Algonauts tree of 12 pictures with the given masks (a folder) or with small ones of ours."""
    root = folder / "subj01"
    (root / "training_split/training_images").mkdir(parents=True)
    (root / "training_split/training_fmri").mkdir()
    rng = np.random.default_rng(0)
    for i in range(12):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(
            root / f"training_split/training_images/train-{i + 1:04d}_nsd-{i:05d}.png")
    if masks:
        (root / "roi_masks").symlink_to(masks)
    else:
        (root / "roi_masks").mkdir()
        np.save(root / "roi_masks/mapping_prf-visualrois.npy", {0: "Unknown", 1: "V1v", 2: "V1d"})
        for h, n in (("lh", 300), ("rh", 310)):
            space = np.zeros(VERTICES, np.int64)
            space[rng.permutation(VERTICES)[:n]] = 1
            np.save(root / f"roi_masks/{h}.all-vertices_fsaverage_space.npy", space)
            np.save(root / f"roi_masks/{h}.prf-visualrois_challenge_space.npy", rng.integers(0, 3, n))
    for h in ("lh", "rh"):
        n = int(np.load(root / f"roi_masks/{h}.all-vertices_fsaverage_space.npy").sum())
        np.save(root / f"training_split/training_fmri/{h}_training_fmri.npy", rng.standard_normal((12, n), dtype=np.float32))
    return root / "roi_masks"


def check_labels(folder, masks):
    """The labels of a class land where numpy puts them."""
    where = tree(folder, masks)
    data = folder / "data.h5"
    run("nsd-extract", "algonauts", folder, "--subject", 1, "--size", 16, "-o", data)
    found = {}
    for h in ("lh", "rh"):
        vertex = np.flatnonzero(np.load(where / f"{h}.all-vertices_fsaverage_space.npy"))
        label = np.load(where / f"{h}.prf-visualrois_challenge_space.npy")
        wanted = np.full(VERTICES, np.nan, np.float32)
        wanted[vertex] = label
        for ending in ("func.gii", "mgh"):
            out = folder / f"{h}.{ending}"
            run("surface-export", data, "--quantity", "roi", "--roi-class", "prf-visualrois", "--hemi", h, "-o", out)
            image = nibabel.load(out)
            if ending == "mgh":
                got = np.asarray(image.dataobj).squeeze()
                assert image.shape[0] == VERTICES and image.get_data_dtype() == np.dtype(">f4")
            else:
                got = image.darrays[0].data
                side = {"lh": "CortexLeft", "rh": "CortexRight"}[h]
                assert image.meta["AnatomicalStructurePrimary"] == side and got.dtype == np.float32
            assert np.array_equal(got, wanted, equal_nan=True), (h, ending)
        found[h] = got
        print(f"{h}: {np.isfinite(got).sum()} vertices, {(got == 1).sum()} of label 1")
    assert not np.array_equal(found["lh"], found["rh"], equal_nan=True)


def check_evaluation(folder):
    """A quantity of two ROIs that share vertices, of a chosen model and subject."""
    from test_evaluate import simulate, write

    rng = np.random.default_rng(4)
    n = 40
    p, q, y = simulate(rng, n, 20, 0.1)
    images = [f"t:{i}" for i in range(n)]
    vertex = rng.permutation(VERTICES)[:20]
    rois = lambda x: {("lh", "a", "A"): (vertex[:12], x[:, :12], y[:, :12], None), ("lh", "b", "B"): (vertex[8:], x[:, 8:], y[:, 8:], None)}
    for name, x, method in (("a.h5", p, "untuned"), ("b.h5", q, "mse")):
        write(folder / name, rois(x), images, -np.ones(n), method, tuned=["t:other"] if method == "mse" else [])
        with h5py.File(folder / name, "a") as f:
            f["results"].visititems(lambda _, g: g.attrs.update(space="fsaverage") if "voxel" in g else None)
    run("encode-eval", "--model", f"first={folder / 'a.h5'}", "--model", f"second={folder / 'b.h5'}", "--permutations", 50, "--bootstrap", 50,
        "-o", folder / "evaluation.h5")
    with h5py.File(folder / "evaluation.h5") as f:
        r = {name: f[f"results/subj01/lh/{name.lower()}/{name}/r"][:] for name in "AB"}
    for model, row in (("first", 0), ("second", 1)):
        out = folder / f"{model}.mgh"
        run("surface-export", folder / "evaluation.h5", "--quantity", "r", "--hemi", "lh", "--model", model, "-o", out)
        got = np.asarray(nibabel.load(out).dataobj).squeeze()
        assert np.array_equal(got[vertex[:12]], r["A"][row]) and np.array_equal(got[vertex[12:]], r["B"][row][4:])
        assert np.isfinite(got).sum() == 20
    # An unknown quantity, a hemisphere that is not there, and vertices of no surface.
    for code, hint, arguments in ((3, "known: ", ["--quantity", "rr", "--hemi", "lh"]), (3, "nothing of hemisphere rh", ["--quantity", "r", "--hemi", "rh"]),
                                  (2, "--hemi", ["--quantity", "r", "--hemi", "all"])):
        done = subprocess.run([TOOL, folder / "evaluation.h5", *arguments, "-o", folder / "x.mgh"], capture_output=True, text=True)
        assert done.returncode == code and hint in done.stderr, (arguments, done.returncode, done.stderr)
    with h5py.File(folder / "a.h5", "a") as f:
        f["results"].visititems(lambda _, g: g.attrs.update(space="index") if "voxel" in g else None)
    done = subprocess.run([TOOL, folder / "a.h5", "--quantity", "cv_r", "--hemi", "lh", "-o", folder / "x.mgh"], capture_output=True, text=True)
    assert done.returncode == 3 and "fsaverage" in done.stderr, done.stderr
    assert not (folder / "x.mgh").exists()
    # A subject or a shape that is not there, and a disk that takes too little.
    done = subprocess.run([TOOL, folder / "b.h5", "--quantity", "cv_r", "--hemi", "lh", "--subject", "subj99", "-o", folder / "x.mgh"],
                          capture_output=True, text=True)
    assert done.returncode == 3 and "subj01" in done.stderr, done.stderr
    for ending in ("mgh", "func.gii"):
        done = subprocess.run(["bash", "-c", f"trap '' XFSZ; ulimit -f 1; exec {TOOL} {folder}/evaluation.h5 --quantity r --hemi lh -o {folder}/x.{ending}"],
                              capture_output=True, text=True)
        assert done.returncode == 4 and not (folder / f"x.{ending}").exists(), (ending, done.returncode, done.stderr)
    with h5py.File(folder / "evaluation.h5", "a") as f:
        g = f["results/subj01/lh/a/A"]
        del g["vertex"]
        g["vertex"] = np.arange(50, dtype="i4")
    done = subprocess.run([TOOL, folder / "evaluation.h5", "--quantity", "r", "--hemi", "lh", "-o", folder / "x.mgh"], capture_output=True, text=True)
    assert done.returncode == 3, (done.returncode, done.stderr)


def main():
    with scratch() as name:
        folder = pathlib.Path(name)
        (folder / "ours").mkdir(), (folder / "evaluation").mkdir()
        check_labels(folder / "ours", None)
        check_evaluation(folder / "evaluation")
        real = pathlib.Path(os.environ["CORTUNE_SOURCE"]).parent / "shared/data/algonauts_masks"
        for subject in ("subj01", "subj08"):
            if not real.is_dir():
                print("the real masks are not there: SKIPPED")
                break
            (folder / subject).mkdir()
            check_labels(folder / subject, real / subject / "roi_masks")


if __name__ == "__main__":
    sys.exit(main())
