# SPDX-License-Identifier: BSD-3-Clause
"""mi-bound against PyTorch's cross-entropy, and against distributions whose information is known."""
import json
import math

import h5py
import numpy as np
import scipy.special
import torch

from common import close, failure, make_dataset, run, scratch


def write_pairs(template, path, x, y, tuned=0, temperature=1.0):
    n = len(x)
    text = h5py.string_dtype()
    with h5py.File(template) as old, h5py.File(path, "w") as new:
        for key, value in old.attrs.items():
            new.attrs[key] = value
        new.attrs["temperature"] = temperature
        new["provenance"] = old["provenance"][()]
        new.create_dataset("image", data=[f"i:{i}" for i in range(n)], dtype=text)
        new.create_dataset("image_sha256", data=[f"{i:064x}" for i in range(n)], dtype=text)
        new.create_dataset("tuned", data=np.arange(n) < tuned, dtype="i2")
        new.create_dataset("embeddings/image_z", data=x.astype(np.float32))
        new.create_dataset("embeddings/response_z", data=y.astype(np.float32))
    return path


def bound(x, y, temperature):
    s = torch.nn.functional.cosine_similarity(torch.from_numpy(x)[:, None], torch.from_numpy(y)[None], dim=2) / temperature
    return math.log(len(x)) - torch.nn.functional.cross_entropy(s, torch.arange(len(x))).item()


def check_torch(folder, template):
    """The numbers of a tuned network's own file."""
    row = json.loads(run("mi-bound", template, "--json", "--curve", folder / "curve.tsv", "-o", folder / "mi.h5"))
    with h5py.File(template) as f, h5py.File(folder / "mi.h5") as out:
        ids, held = list(f["image"].asstr()), f["tuned"][:] == 0
        assert row["left_out"] == (~held).sum() > 0 and row["pairs"] + row["validation_pairs"] == held.sum()
        reported = [ids.index(i) for i in out["image"].asstr()[:]]
        assert held[reported].all()
        others = np.setdiff1d(np.nonzero(held)[0], reported)
        x, y = f["embeddings/image_z"][:].astype(np.float64), f["embeddings/response_z"][:].astype(np.float64)
        # cosines in float32, over temperatures down to 0.003
        close("bound at the trained temperature", row["trained_bound_nats"], bound(x[reported], y[reported], 0.3), 1e-5)
        close("bound at the chosen one", row["bound_nats"], bound(x[reported], y[reported], row["temperature"]), 1e-4)
        candidates = 0.3 * np.logspace(-2, 2, 1000)
        best = max(bound(x[others], y[others], t) for t in candidates)
        close("the temperature is the best of the others", bound(x[others], y[others], row["temperature"]), best, 1e-5)
        close("losses", out["loss"][:].mean(), row["ceiling_nats"] - row["bound_nats"], 1e-5)
        assert list(out["curve/pairs"][:])[-1] == row["pairs"] and np.isclose(out["curve/bound"][-1], row["bound_nats"])
    assert (folder / "curve.tsv").read_text().splitlines()[0] == "pairs\tbound_nats\tdeviation_nats\tceiling_nats"
    assert row["low_nats"] <= row["bound_nats"] <= row["high_nats"]
    close("bits", row["bound_bits"], row["bound_nats"] / math.log(2), 1e-5)


def check_von_mises(folder, template):
    """y = x + noise on a circle: the cosine over a temperature of 1/kappa is the true log density ratio, so that the bound is
    tight but for the finite number of pairs."""
    rng = np.random.default_rng(0)
    for kappa in (2.0, 8.0):
        truth = kappa * scipy.special.i1e(kappa) / scipy.special.i0e(kappa) - (np.log(scipy.special.i0e(kappa)) + kappa)
        x = rng.uniform(0, 2 * np.pi, 2000)
        y = x + rng.vonmises(0, kappa, 2000)
        path = write_pairs(template, folder / f"circle{kappa}.h5", np.stack([np.cos(x), np.sin(x)], 1), np.stack([np.cos(y), np.sin(y)], 1))
        row = json.loads(run("mi-bound", path, "--json", "--subsets", 100))
        # 1,500 pairs: a standard error of about 0.018; the chosen temperature is near 1/kappa.
        close(f"kappa {kappa}: tight", row["bound_nats"], truth, 0.05)
        assert row["low_nats"] < truth < row["high_nats"] + 0.02 and not row["saturated"], (row, truth)
        close(f"kappa {kappa}: temperature", row["temperature"] * kappa, 1, 0.15)
        curve = [p["bound_nats"] for p in row["curve"]]
        assert all(a < b + 0.05 for a, b in zip(curve, curve[1:])) and all(b < truth + 0.1 for b in curve), curve


def check_gaussian(folder, template):
    """Gaussians of 60 dimensions with equal correlations: below the truth, and near it where log K is well above it."""
    rng = np.random.default_rng(1)
    d, n = 60, 2000
    for rho, near in ((0.25, 0.25), (0.8, None)):
        truth = -d / 2 * math.log(1 - rho**2)
        x = rng.standard_normal((n, d))
        y = rho * x + math.sqrt(1 - rho**2) * rng.standard_normal((n, d))
        row = json.loads(run("mi-bound", write_pairs(template, folder / f"gauss{rho}.h5", x, y), "--json"))
        # 1,500 pairs: a standard error of about 0.03
        assert row["bound_nats"] < truth + 0.06, (rho, row["bound_nats"], truth)
        print(f"ok rho {rho}: bound {row['bound_nats']:.3f}, truth {truth:.3f}, log K {row['ceiling_nats']:.3f}, saturated {row['saturated']}")
        if near is not None:  # lengths of vectors are lost in a cosine, which costs a little
            assert row["bound_nats"] > truth - near, (row["bound_nats"], truth)
        else:
            assert row["saturated"] and row["bound_nats"] > 0.95 * row["ceiling_nats"]
    # Independent: nothing to know, and an interval that says so.
    row = json.loads(run("mi-bound", write_pairs(template, folder / "none.h5", rng.standard_normal((800, 10)), rng.standard_normal((800, 10))), "--json"))
    assert row["low_nats"] < 0.01 and abs(row["bound_nats"]) < 0.05, row


def check_interval(folder, template):
    """The interval has the truth of a new sample of pairs as often as it says."""
    rng, inside = np.random.default_rng(2), 0
    kappa = 3.0
    truth = kappa * scipy.special.i1e(kappa) / scipy.special.i0e(kappa) - (np.log(scipy.special.i0e(kappa)) + kappa)
    for _ in range(30):
        x = rng.uniform(0, 2 * np.pi, 300)
        y = x + rng.vonmises(0, kappa, 300)
        path = write_pairs(template, folder / "draw.h5", np.stack([np.cos(x), np.sin(x)], 1), np.stack([np.cos(y), np.sin(y)], 1), temperature=1 / kappa)
        row = json.loads(run("mi-bound", path, "--json", "--temperatures", 1, "--subsets", 1, "--bootstrap", 300, "--validation-share", 0.05))
        inside += row["low_nats"] <= truth <= row["high_nats"]
    # 30 intervals of 95 %: 25 or more with a probability above .99
    print(f"ok intervals: {inside} of 30 hold the truth")
    assert inside >= 25, inside


if __name__ == "__main__":
    from pathlib import Path

    with scratch() as name:
        here = Path(name)
        data = make_dataset(here, images=300, voxels=30)
        run("cl-finetune", data, "--hemi", "all", "--roi", "all", "--epochs", 2, "-o", here / "tuned.h5")
        run("feature-extract", data, here / "tuned.h5", "--embeddings", "-o", here / "template.h5")
        check_torch(here, here / "template.h5")
        check_von_mises(here, here / "template.h5")
        check_gaussian(here, here / "template.h5")
        check_interval(here, here / "template.h5")
        failure("mi-bound", data, expect=3)
        odd = write_pairs(here / "template.h5", here / "odd.h5", np.ones((50, 3)), np.ones((50, 4)))
        assert "image_z has 3 columns and response_z 4" in failure("mi-bound", odd, expect=3)
        odd = write_pairs(here / "template.h5", here / "odd.h5", np.zeros((50, 3)), np.ones((50, 3)))
        assert "zeros" in failure("mi-bound", odd, expect=3)
        run("feature-extract", data, here / "tuned.h5", "--layers", "classifier.6", "-o", here / "plain.h5")
        said = failure("mi-bound", here / "plain.h5", expect=3)
        assert "--embeddings" in said, said
