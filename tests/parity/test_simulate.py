#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""nsd-simulate read with NumPy: layout, types, and whether the data are what the truth
beside them says (ceilings, receptive fields, categories)."""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

LABELS = {
    "prf-visualrois": ["V1v", "V1d", "V2v", "V2d", "V3v", "V3d", "hV4"],
    "floc-bodies": ["EBA", "FBA-1", "FBA-2", "mTL-bodies"],
    "floc-faces": ["OFA", "FFA-1", "FFA-2", "mTL-faces", "aTL-faces"],
    "floc-places": ["OPA", "PPA", "RSC"],
    "floc-words": ["OWFA", "VWFA-1", "VWFA-2", "mfs-words", "mTL-words"],
    "streams": ["early", "midventral", "midlateral", "midparietal", "ventral", "lateral", "parietal"],
}
IMAGES, TEST = 500, 60


def run(*arguments):
    subprocess.run([os.environ["CORTUNE_BIN"] + "/nsd-simulate", "-q", *map(str, arguments)], check=True)


def responses(subject, hemisphere, part="training"):
    return np.load(subject / f"{part}_split/{part}_fmri/{hemisphere}_{part}_fmri.npy")


def mask(subject, hemisphere, name):
    return np.load(subject / f"roi_masks/{hemisphere}.{name}_challenge_space.npy")


def roi(subject, hemisphere, name, label):
    return mask(subject, hemisphere, name) == LABELS[name].index(label) + 1


def luminance(subject, n):
    """Pictures as n × n grey values, in file order."""
    files = sorted((subject / "training_split/training_images").iterdir())
    grey = (Image.open(f).convert("L").resize((n, n), Image.BOX) for f in files)
    return np.stack([np.asarray(g, float) for g in grey])


def correlation(a, b):
    a, b = a - a.mean(0), b - b.mean(0)
    return (a * b).sum(0) / np.sqrt((a ** 2).sum(0) * (b ** 2).sum(0))


def check_layout(subject):
    names = sorted(p.name for p in (subject / "training_split/training_images").iterdir())
    ids = [int(n[15:20]) for n in names]
    assert len(names) == IMAGES and names[0] == f"train-0001_nsd-{ids[0]:05d}.png"
    assert ids == sorted(set(ids))
    picture = Image.open(subject / "training_split/training_images" / names[0])
    assert picture.size == (128, 128) and picture.mode == "RGB"
    for h in ("lh", "rh"):
        y, t = responses(subject, h), responses(subject, h, "test")
        everywhere = np.load(subject / f"roi_masks/{h}.all-vertices_fsaverage_space.npy")
        assert everywhere.shape == (163842,) and everywhere.dtype == np.int64
        assert set(everywhere) == {0, 1}
        n = everywhere.sum()
        assert y.shape == (IMAGES, n) and t.shape == (TEST, n) and y.dtype == t.dtype == np.float32
        assert np.isfinite(y).all() and np.isfinite(t).all()
        ceiling = np.load(subject / f"test_split/noise_ceiling/{h}_noise_ceiling.npy")
        assert ceiling.shape == (n,) and ceiling.dtype == np.float32 and (ceiling > 0).all()
        assert (ceiling < 1).all()
        for name, labels in LABELS.items():
            challenge = mask(subject, h, name)
            surface = np.load(subject / f"roi_masks/{h}.{name}_fsaverage_space.npy")
            assert challenge.dtype == surface.dtype == np.int64 and challenge.shape == (n,)
            assert np.array_equal(surface[everywhere == 1], challenge)
            assert not surface[everywhere == 0].any()
            mapping = np.load(subject / f"roi_masks/mapping_{name}.npy", allow_pickle=True)
            assert mapping.shape == () and mapping.dtype == object
            assert mapping.item() == dict(enumerate(["Unknown", *labels]))
        sizes = [int((mask(subject, h, c) == i + 1).sum()) for c in LABELS for i in range(len(LABELS[c]))]
        assert 0 in sizes and any(0 < s < 20 for s in sizes) and (mask(subject, h, "streams") > 0).all()
        assert (mask(subject, h, "floc-bodies") * mask(subject, h, "floc-faces") > 0).any()
    truth = json.loads((subject / "truth/truth.json").read_text())
    assert [t["nsd"] for t in truth["training"]] == ids
    assert set(truth["files"]) == {p.name for p in (subject / "truth").glob("*.npy")}
    for name, about in truth["files"].items():
        assert np.load(subject / "truth" / name).ndim == len(about["axes"]) and about["text"], name
    return truth


def check_ceiling(subject):
    """r of responses with the noiseless ones, squared, is the ceiling stated (z-scoring
    within sessions of 750 trials changes it by less than the tolerance)."""
    for h in ("lh", "rh"):
        stated = np.load(subject / f"truth/{h}_noise_ceiling_training.npy")
        signal = np.load(subject / f"truth/{h}_noiseless_training.npy")
        measured = correlation(responses(subject, h), signal) ** 2
        print(f"{h} ceiling: stated mean {stated.mean():.4f}, measured {measured.mean():.4f}, "
              f"largest difference {np.abs(measured - stated).max():.3f}")
        assert abs(stated.mean() - measured.mean()) < 0.01 and np.abs(measured - stated).max() < 0.15
        labelled = roi(subject, h, "prf-visualrois", "V1v")
        assert abs(stated[labelled].mean() - 0.65) < 0.1  # preset small asks for .65


def check_signal(subject):
    """responses = signal + noise: their r is the square root of the ceiling, as exactly as a
    sample of so many images tells (Fisher's z over sqrt(1 / (n - 3)); at most 1, since the
    signal is given and only the noise is drawn), and the slope 1 says that the units agree."""
    for h in ("lh", "rh"):
        for part, ceiling in (("training", f"truth/{h}_noise_ceiling_training.npy"),
                              ("test", f"test_split/noise_ceiling/{h}_noise_ceiling.npy")):
            y = responses(subject, h, part).astype(float)
            signal = np.load(subject / f"truth/{h}_signal_{part}.npy")
            assert signal.shape == y.shape and signal.dtype == np.float32
            signal = signal.astype(float)
            r, expected = correlation(y, signal), np.sqrt(np.load(subject / ceiling).astype(float))
            z = (np.arctanh(r) - np.arctanh(expected)) * np.sqrt(len(y) - 3)
            centred = signal - signal.mean(0)
            slope = (centred * (y - y.mean(0))).sum(0) / (centred ** 2).sum(0)
            print(f"{h} {part}: r with the signal {r.mean():.4f}, root of the ceiling {expected.mean():.4f}; "
                  f"z {z.mean():.2f} ± {z.std():.2f}, largest {np.abs(z).max():.2f}; slope {slope.mean():.3f}")
            assert abs(z.mean()) < 0.2 and 0.6 < z.std() < 1.1 and np.abs(z).max() < 5
            assert abs(slope.mean() - 1) < 0.03
            raw = np.load(subject / f"truth/{h}_noiseless_{part}.npy")
            assert correlation(raw.astype(float), signal).min() > 0.95  # sessions differ little


def check_repeats(first, second):
    """Two scans of the same brain differ in noise only: the correlation of their averages
    is the ceiling, as repeats measure it."""
    a, b = responses(first, "lh"), responses(second, "lh")
    stated = np.load(first / "truth/lh_noise_ceiling_training.npy")
    print(f"repeat reliability {correlation(a, b).mean():.4f}, stated ceiling {stated.mean():.4f}")
    assert abs(correlation(a, b).mean() - stated.mean()) < 0.03


def check_fields(subject):
    """Local contrast regressed on V1 responses finds the receptive field where the truth says."""
    grid, cells = 48, 8
    grey = luminance(subject, grid)
    edges = np.hypot(*np.gradient(grey, axis=(1, 2)))
    step = grid // cells
    contrast = edges.reshape(-1, cells, step, cells, step).mean((2, 4)).reshape(len(grey), -1)
    x = (contrast - contrast.mean(0)) / contrast.std(0)
    for h in ("lh", "rh"):
        v1 = roi(subject, h, "prf-visualrois", "V1v") | roi(subject, h, "prf-visualrois", "V1d")
        y = responses(subject, h)[:, v1]
        weights = np.linalg.solve(x.T @ x + 300 * np.eye(x.shape[1]), x.T @ y)
        column = (np.abs(weights).argmax(0) % cells + 0.5) / cells
        truth = np.load(subject / f"truth/{h}_receptive_field.npy")[v1]
        right = (column > 0.5).mean()
        print(f"{h} V1: {right:.2f} of the fields found in the right half")
        assert right > 0.8 if h == "lh" else right < 0.2
        assert (truth[:, 0] > 0.5).all() if h == "lh" else (truth[:, 0] < 0.5).all()


def check_categories(subject, truth):
    """Higher areas answer to their category (Welch's t over images), and by its attributes."""
    for name, label, category in (("floc-bodies", "EBA", "body"), ("floc-faces", "FFA-1", "face"),
                                  ("floc-places", "PPA", "place"), ("floc-words", "VWFA-1", "word")):
        shown = np.array([any(o["class"] == category for o in t["objects"]) for t in truth["training"]])
        for h in ("lh", "rh"):
            y = responses(subject, h)[:, roi(subject, h, name, label)].mean(1)
            a, b = y[shown], y[~shown]
            t = (a.mean() - b.mean()) / np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
            print(f"{h} {label}: t = {t:.1f} for {category}, shown in {shown.mean():.2f}")
            assert t > 8 and 0.15 < shown.mean() < 0.35


def check_encoding(subject):
    """Ridge from coarse pixels and contrast predicts held-out early responses."""
    grey = luminance(subject, 24)
    edges = np.hypot(*np.gradient(grey, axis=(1, 2)))
    x = np.concatenate([f.reshape(len(grey), -1) / f.std() for f in (grey, edges)], 1)
    x -= x.mean(0)
    for label in ("V1v", "hV4"):
        y = responses(subject, "lh")[:, roi(subject, "lh", "prf-visualrois", label)]
        train = np.arange(len(y)) % 5 > 0
        k = x @ x[train].T
        p = k[~train] @ np.linalg.solve(k[train] + 3000 * np.eye(train.sum()), y[train])
        r = correlation(p, y[~train]).mean()
        print(f"lh {label}: held-out r {r:.3f} from contrast maps")
        assert r > 0.15


def main():
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        run("-o", base / "a", "--preset", "small", "--images", IMAGES, "--test-images", TEST)
        subject = base / "a/subj01"
        truth = check_layout(subject)
        check_ceiling(subject)
        check_signal(subject)
        check_fields(subject)
        check_categories(subject, truth)
        check_encoding(subject)
        run("-o", base / "b", "--preset", "small", "--images", IMAGES, "--test-images", TEST,
            "--noise-seed", 9)
        check_repeats(subject, base / "b/subj01")
        print("simulate: ok")


if __name__ == "__main__":
    sys.exit(main())
