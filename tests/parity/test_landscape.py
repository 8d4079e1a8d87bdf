# SPDX-License-Identifier: BSD-3-Clause
"""model-landscape against numpy: divergences, angles, InPCA with its imaginary axes, placement, groups; streaming and the
order of pictures change nothing."""
import json
import re
import xml.dom.minidom

import h5py
import numpy as np
import scipy.spatial.distance

from common import close, failure, run, scratch
from test_probe import make_features


def write_probe(template, path, p, label, about):
    """A probe file of these probabilities."""
    n, k = p.shape
    text = h5py.string_dtype()
    with h5py.File(template) as old, h5py.File(path, "w") as new:
        for key, value in old.attrs.items():
            new.attrs[key] = value
        for key, value in about.items():
            new.attrs.create(key, value, dtype=text)
        new.attrs["uuid"] = f"00000000-0000-4000-8000-{abs(hash(str(path))) % 10**12:012d}"
        new["provenance"] = json.dumps({"root": new.attrs["uuid"], "nodes": {new.attrs["uuid"]: next(iter(json.loads(old["provenance"][()])["nodes"].values()))}})
        new.create_dataset("class", data=[f"c{i}" for i in range(k)], dtype=text)
        new.create_dataset("image", data=[f"i:{i}" for i in range(n)], dtype=text)
        new.create_dataset("image_sha256", data=[f"{i:064x}" for i in range(n)], dtype=text)
        new.create_dataset("label", data=label, dtype="i4")
        new.create_dataset("probability", data=p.astype(np.float32))


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def make_models(folder, n=60, k=5):
    """Networks of two subjects, hemispheres and regions: those of a region resemble one another."""
    rng = np.random.default_rng(4)
    features, *_ = make_features(folder)
    run("class-probe", features, "-o", folder / "template.probe.h5")
    label = rng.integers(0, k, n)
    base, region = 2 * np.eye(k)[label] + rng.standard_normal((n, k)), {r: 2 * rng.standard_normal((n, k)) for r in ("V1v", "PPA")}
    probabilities, files = [softmax(base)], [folder / "untuned.probe.h5"]
    write_probe(folder / "template.probe.h5", files[0], probabilities[0], label, {"method": "untuned"})
    for subject in ("subj01", "subj02"):
        for hemisphere in ("lh", "rh"):
            for roi in region:
                p = softmax(base + region[roi] + 0.7 * rng.standard_normal((n, k)))
                if not probabilities[1:]:
                    p[0] = np.eye(k)[0]  # certain, and wrong to another that is certain
                elif len(probabilities) == 2:
                    p[0] = np.eye(k)[1]
                files.append(folder / f"{subject}.{hemisphere}.{roi}.probe.h5")
                write_probe(folder / "template.probe.h5", files[-1], p, label,
                            {"method": "infonce", "tuned_subjects": subject, "hemisphere": hemisphere, "roi_class": "c", "roi": roi})
                probabilities.append(p)
    return files, probabilities, label


def divergence(models):
    p = np.stack(models).astype(np.float32).astype(np.float64)
    p /= p.sum(-1, keepdims=True)
    overlap = np.einsum("anc,bnc->abn", np.sqrt(p), np.sqrt(p))
    d = -np.log(np.clip(overlap, np.exp(-100), 1)).mean(-1)
    np.fill_diagonal(d, 0)
    a = np.arccos(np.clip(np.clip(overlap, None, 1).mean(-1), -1, 1))
    np.fill_diagonal(a, 0)
    return d, a


def inpca(d):
    m = len(d)
    centre = np.eye(m) - np.ones((m, m)) / m
    w = -0.5 * centre @ d @ centre
    value, vector = np.linalg.eigh(w)
    order = np.argsort(-np.abs(value), kind="stable")
    value, vector = value[order], vector[:, order]
    explained = 1 - np.sqrt(np.clip(1 - np.cumsum(value**2) / (value**2).sum(), 0, None))
    return value, vector * np.sqrt(np.abs(value)), explained


def check_numpy(folder, files, models, label):
    run("model-landscape", *files, "--html", folder / "map.html", "--map", folder / "map.svg", "-o", folder / "map.h5")
    k = models[0].shape[1]
    points = models + [np.eye(k)[label], np.full_like(models[0], 1 / k)]
    d, a = divergence(points)
    with h5py.File(folder / "map.h5") as f:
        names = list(f["model"].asstr())
        assert names[:2] == ["untuned", "subj01.lh.V1v"] and names[-2:] == ["oracle", "ignorance"]
        close("divergence", f["bhattacharyya"][:], d, 1e-8)
        # near 0 arccos turns 1e-16 into 1e-8
        close("angle", f["angle"][:], a, 3e-8)
        assert d.max() > 1.6  # the picture that two are certain of, and do not agree on
        value, coordinate, explained = inpca(d)
        close("eigenvalues", f["inpca/eigenvalue"][:], value, 1e-8)
        assert (value[:4] > 0).any() and (value < -1e-6).any(), value
        close("explained", f["inpca/explained"][:], explained, 1e-7)
        found = f["inpca/coordinate"][:, :4]
        close("coordinates", np.abs(found), np.abs(coordinate[:, :4]), 1e-7)
        assert (found[np.abs(found).argmax(0), np.arange(4)] > 0).all()
        # What signed coordinates say of distances is what was put in.
        sign = np.sign(f["inpca/eigenvalue"][:])
        c = f["inpca/coordinate"][:]
        close("signed squared distances", ((c[:, None] - c[None]) ** 2 * sign).sum(-1), d, 1e-7)
        value, coordinate, _ = inpca(a**2)
        close("scaling of angles", np.abs(f["scaling/coordinate"][:, :3]), np.abs(coordinate[:, :3]), 1e-6)
    return names


def check_streaming(folder, files, models):
    """Blocks of one picture, and another order of pictures."""
    run("model-landscape", *files, "--threads", 2, "--overwrite", "-o", folder / "map.h5")
    for memory in (1000, 7000):
        run("model-landscape", *files, "--memory", memory, "--threads", 2, "--overwrite", "-o", folder / "blocks.h5")
        with h5py.File(folder / "map.h5") as a, h5py.File(folder / "blocks.h5") as b:
            assert np.array_equal(a["bhattacharyya"][:], b["bhattacharyya"][:]), "a sum depends on the size of blocks"
    order = np.random.default_rng(1).permutation(len(models[0]))
    moved = []
    for path in files:
        moved.append(folder / f"moved.{path.name}")
        with h5py.File(path) as old, h5py.File(moved[-1], "w") as new:
            for key, value in old.attrs.items():
                new.attrs[key] = value
            for key in old:
                value = old[key][()]
                new.create_dataset(key, data=value[order] if key in ("image", "image_sha256", "label", "probability") else value, dtype=old[key].dtype)
    run("model-landscape", *moved, "-o", folder / "order.h5")
    with h5py.File(folder / "map.h5") as a, h5py.File(folder / "order.h5") as c:
        close("another order", c["bhattacharyya"][:], a["bhattacharyya"][:], 1e-12)


def check_placement(folder, files, models):
    """A model of the map placed again lies where it was, and one that was not lies where the formula says."""
    run("model-landscape", *files[:-1], "--place", files[-1], "--place", f"twin={files[2]}", "--no-points", "-o", folder / "placed.h5")
    d, _ = divergence(models)
    own, new = d[:-1, :-1], d[-1, :-1]
    value, coordinate, _ = inpca(own)
    with h5py.File(folder / "placed.h5") as f:
        found, axes = f["inpca/placed"][:], f["inpca/coordinate"][:]
        # axes of rounding alone have no direction
        keep = np.abs(value) > 1e-9
        close("twin", found[1, keep], axes[2, keep], 1e-7)
        vectors = axes[:, keep] / np.sqrt(np.abs(value[keep]))
        expected = -0.5 * (new - own.mean(1) - new.mean() + own.mean()) @ vectors / (np.sign(value[keep]) * np.sqrt(np.abs(value[keep])))
        close("placed", found[0, keep], expected, 1e-6)


def check_groups(folder, files, models):
    rows = {r["factor"]: r for r in json.loads(run("model-landscape", *files, "--json", "--overwrite", "-o", folder / "map.h5"))["groups"]}
    assert set(rows) == {"subject", "hemisphere", "roi"}  # one method alone
    d, _ = divergence(models[1:])
    labels = {"subject": [0, 0, 0, 0, 1, 1, 1, 1], "hemisphere": [0, 0, 1, 1] * 2, "roi": [0, 1] * 4}
    pairs = scipy.spatial.distance.squareform(d, checks=False)
    for name, label in labels.items():
        same = scipy.spatial.distance.squareform(np.equal.outer(label, label) & ~np.eye(8, dtype=bool), checks=False).astype(bool)
        close(f"{name} within", rows[name]["within"], pairs[same].mean(), 1e-5)
        close(f"{name} between", rows[name]["between"], pairs[~same].mean(), 1e-5)
        pooled = np.sqrt(((pairs[same] - pairs[same].mean()) ** 2).sum() / (len(pairs) - 2) + ((pairs[~same] - pairs[~same].mean()) ** 2).sum() / (len(pairs) - 2))
        close(f"{name} effect", rows[name]["effect"], (pairs[~same].mean() - pairs[same].mean()) / pooled, 1e-4)
    # Four strata of two regions each: 16 arrangements, of which two split the models as the true one does.
    assert rows["roi"]["exchange"] == "within others"
    close("p of the regions", rows["roi"]["p"], 2 / 16, 0.02)
    assert rows["subject"]["p"] > 0.05 and rows["hemisphere"]["p"] > 0.05


def check_page(folder):
    page = (folder / "map.html").read_text()
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg", "", page) and "subj01.lh.V1v" in page and "imaginary" in page
    data = json.loads(re.search(r"const data = (.*?);</script>", page)[1])
    assert len(data["points"]) == 11 and {p["kind"] for p in data["points"]} == {"untuned", "tuned", "point"}
    xml.dom.minidom.parse(str(folder / "map.svg"))
    files = [folder / f"{n}.probe.h5" for n in ("untuned", "subj01.lh.V1v")]
    run("model-landscape", *files, "--map", folder / "map.png", "-o", folder / "two.h5")
    assert (folder / "map.png").read_bytes().startswith(b"\x89PNG")
    failure("model-landscape", *files, "--map", folder / "map.pdf", "-o", folder / "no.h5", expect=2)
    failure("model-landscape", files[0], files[0], "-o", folder / "no.h5", expect=2)
    said = failure("model-landscape", files[0], folder / "template.probe.h5", "-o", folder / "no.h5", expect=3)
    assert "classes" in said, said


if __name__ == "__main__":
    from pathlib import Path

    with scratch() as name:
        here = Path(name)
        made, said, truth = make_models(here)
        check_numpy(here, made, said, truth)
        check_streaming(here, made, said)
        check_placement(here, made, said)
        check_groups(here, made, said)
        check_page(here)
