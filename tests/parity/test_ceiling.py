# SPDX-License-Identifier: BSD-3-Clause
"""Noise ceilings from repeats against numpy (1e-5: float32 in the file) and against a truth that
is known: responses are a picture's own value plus noise of a given size."""
import pathlib
import sys

import h5py
import numpy as np
from PIL import Image

from common import run, scratch

VOXELS, PICTURES = 60, 400


def numpy_ceilings(trials, which, shown):
    """trials: presentations × voxels; which: the picture of each."""
    groups = [trials[which == i] for i in range(shown)]
    counts = np.array([len(g) for g in groups])
    several = [g for g in groups if len(g) > 1]
    noise = np.mean([g.var(0, ddof=1) for g in several], 0)
    signal = np.maximum(trials.var(0) - noise, 0)
    ncsnr = signal / (signal + noise * np.mean(1 / counts))
    corr = lambda a, b: np.array([np.corrcoef(a[:, v], b[:, v])[0, 1] for v in range(a.shape[1])])
    def stepped_up(r, h, k):
        """r = 1 / sqrt((1 + q h)(1 + q k)) for the noise q of one presentation, as a root that numpy finds."""
        q = [max(np.roots([h * k, h + k, 1 - 1 / x**2])) if x > 0 else np.inf for x in r]
        return 1 / (1 + np.array(q) * np.mean(1 / counts))

    halves = stepped_up(corr(np.array([g[0::2].mean(0) for g in several]), np.array([g[1::2].mean(0) for g in several])),
                        np.mean([1 / len(g[0::2]) for g in several]), np.mean([1 / len(g[1::2]) for g in several]))
    one = np.concatenate([g for g in several])
    others = np.concatenate([(g.sum(0) - g) / (len(g) - 1) for g in several])
    rest = np.concatenate([np.full(len(g), 1 / (len(g) - 1)) for g in several])
    return {"ncsnr": ncsnr, "split-half": halves, "leave-one-out": stepped_up(corr(one, others), 1, rest.mean())}


def main():
    with scratch() as name:
        folder = pathlib.Path(name)
        (folder / "pictures").mkdir()
        rng = np.random.default_rng(3)
        for i in range(PICTURES):
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"pictures/p{i:03d}.png")
        # Three presentations of most pictures, one or two of some, in a random order.
        counts = np.where(np.arange(PICTURES) % 10 == 0, 1, np.where(np.arange(PICTURES) % 10 == 1, 2, 3))
        which = rng.permutation(np.repeat(np.arange(PICTURES), counts))
        sigma = rng.uniform(0.5, 2, VOXELS)
        trials = (rng.standard_normal((PICTURES, VOXELS))[which] + sigma * rng.standard_normal((len(which), VOXELS))).astype(np.float32)
        (folder / "names.txt").write_text("".join(f"p{i:03d}.png\n" for i in which))
        np.save(folder / "trials.npy", trials)
        np.save(folder / "turned.npy", trials.T)
        table = ["table", "--images", folder / "pictures", "--names", folder / "names.txt", "--namespace", "t", "--size", 8]
        wanted = numpy_ceilings(trials.astype(float), which, PICTURES)
        truth = 1 / (1 + sigma**2 * np.mean(1 / counts))
        for mode, numbers in wanted.items():
            for source in ("trials", "turned"):
                out = folder / f"{mode}-{source}.h5"
                run("nsd-extract", *table, "--responses", folder / f"{source}.npy", "--average-repeats", "--ceiling", mode, "-o", out)
                with h5py.File(out) as f:
                    found, stored = f["noise_ceiling_all"][:], f["noise_ceiling_all"].attrs["mode"]
                    ids, responses, repeats = f["image"].asstr()[:], f["response_all"][:], f["repeats"][:]
                    checks = dict(zip(f["checks/check"].asstr()[:], f["checks/warning"][:]))
                assert stored == mode and checks["repeats"] == 0
                assert np.abs(found - numbers).max() < 1e-5, (mode, np.abs(found - numbers).max())
            # Against the truth of the simulation. Over eight seeds numpy's means over the voxels deviate
            # from it by .003 (clean ones) and .010 (noisy ones), one standard deviation.
            for part, tolerance in ((sigma < 1, 0.01), (sigma > 1.5, 0.03)):
                assert abs((found - truth)[part].mean()) < tolerance, (mode, (found - truth)[part].mean())
            print(f"{mode}: mean {found.mean():.4f}, truth {truth.mean():.4f}, off from numpy by {np.abs(found - numbers).max():.1e}")
        order = [int(i[3:]) for i in ids]
        assert order == list(dict.fromkeys(which)) and np.array_equal(repeats, counts[order])
        means = np.array([trials[which == i].astype(float).mean(0) for i in order])
        assert np.abs(responses - means).max() < 1e-5
        # Runs of the rows: an image's run is that of all its presentations, 0 where they differ.
        label = np.arange(len(which)) // 50
        (folder / "runs.txt").write_text("".join(f"run {i}\n" for i in label))
        run("nsd-extract", *table, "--responses", folder / "trials.npy", "--average-repeats", "--runs", folder / "runs.txt", "-o", folder / "runs.h5")
        with h5py.File(folder / "runs.h5") as f:
            inside = [set(label[which == i] + 1) for i in order]
            assert np.array_equal(f["run"][:], [min(s) if len(s) == 1 else 0 for s in inside])
        (folder / "runs.txt").write_text("a\nb\n")
        run("nsd-extract", *table, "--responses", folder / "trials.npy", "--average-repeats", "--runs", folder / "runs.txt", "-o", folder / "x.h5", expect=3)
        # Of other averages than the file's as a whole the ceiling is another: scored are pictures shown thrice.
        thrice = [f"t:p{i:03d}" for i in np.flatnonzero(counts == 3)[:60]]
        (folder / "thrice.txt").write_text("\n".join(thrice) + "\n")
        large = [*table[:-1], 64, "--responses", folder / "trials.npy", "--average-repeats", "--ceiling", "ncsnr", "--test-list", folder / "thrice.txt"]
        run("nsd-extract", *large, "-o", folder / "large.h5")
        run("ridge-encode", folder / "large.h5", "--hemi", "all", "--roi", "all", "--min-voxels", 1, "--layers", "classifier.6", "--folds", 3, "-o", folder / "scored.h5")
        with h5py.File(folder / "scored.h5") as f:
            assert sorted(f["image"].asstr()[:]) == sorted(thrice)
            found = f["results/all/all/all/noise_ceiling"][:]
        ratio = (1 / wanted["ncsnr"] - 1) / np.mean(1 / counts)
        assert np.abs(found - 1 / (1 + ratio / 3)).max() < 1e-5, np.abs(found - 1 / (1 + ratio / 3)).max()
        # Repeats that do not belong together are noticed; repeats that nobody announced are refused.
        np.save(folder / "mixed.npy", trials[rng.permutation(len(trials))])
        run("nsd-extract", *table, "--responses", folder / "mixed.npy", "--average-repeats", "-o", folder / "mixed.h5")
        with h5py.File(folder / "mixed.h5") as f:
            assert dict(zip(f["checks/check"].asstr()[:], f["checks/warning"][:]))["repeats"] == 1
        run("nsd-extract", *table, "--responses", folder / "trials.npy", "-o", folder / "x.h5", expect=3)
        run("nsd-extract", *table, "--responses", folder / "trials.npy", "--ceiling", "ncsnr", "-o", folder / "x.h5", expect=2)


if __name__ == "__main__":
    sys.exit(main())
