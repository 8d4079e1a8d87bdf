# SPDX-License-Identifier: BSD-3-Clause
"""field-map and salience-eval: against PyTorch and numpy, and on simulated subjects whose receptive fields are known."""
import itertools
import json
import shutil
import uuid

import h5py
import numpy as np
import torch
import torchvision

from common import close, failure, make_dataset, run, scratch
from test_salience import SIZE, normalised


def check_maps(folder):
    """Maps of single voxels against PyTorch's gradients; their centres."""
    torch.manual_seed(6)
    network = torchvision.models.squeezenet1_1().eval()
    torch.save(network.state_dict(), folder / "s.pth")
    run("model-convert", folder / "s.pth", "--image-size", SIZE, "-o", folder / "s.h5")
    data = make_dataset(folder, images=40, size=SIZE, voxels=24, name="few")
    run("ridge-encode", data, folder / "s.h5", "--hemi", "all", "--roi", "all", "--layers", "features.9", "--components", 20, "--save-weights", "-o", folder / "enc.h5")
    known = np.random.default_rng(0).uniform(0, 1, (24, 3)).astype(np.float32)
    known[3] = np.nan  # a fit that failed
    np.save(folder / "known.npy", known)
    rows = json.loads(run("field-map", data, folder / "s.h5", folder / "enc.h5", "--map-size", 16, "--least-r", -1, "--true-fields", f"all={folder / 'known.npy'}", "--batch", 7, "--json", "-o", folder / "fields.h5"))
    with h5py.File(folder / "fields.h5") as f, h5py.File(folder / "enc.h5") as e, h5py.File(data) as d:
        found = []
        f["results"].visititems(lambda n, o: found.append(o) if isinstance(o, h5py.Group) and "map" in o else None)
        region, layer, rois = found[0], e["weights/layers/features.9"], []
        e["weights/rois"].visititems(lambda n, o: rois.append(o) if n.endswith("coef") else None)
        x = normalised(d["pixels"][:])
        x.requires_grad_()
        features = network.features[:10](x).flatten(1)
        weight = torch.from_numpy(layer["basis"][:] @ rois[0][:])
        for voxel in (0, 11):
            g = torch.autograd.grad((features @ weight[:, voxel]).sum(), x, retain_graph=True)[0]
            expected = torch.nn.functional.adaptive_avg_pool2d((g**2).sum(1, keepdim=True), 16)[:, 0].mean(0)
            close(f"map of voxel {voxel}", region["map"][voxel], expected, 1e-4, relative=True)  # float32 gradients
        maps = region["map"][:].astype(np.float64)
        above = np.maximum(maps - maps.max((1, 2), keepdims=True) / 2, 0)
        at = (np.arange(16) + 0.5) / 16
        mass = above.sum((1, 2))
        cx, cy = (above.sum(1) * at).sum(1) / mass, (above.sum(2) * at).sum(1) / mass
        spread = np.sqrt(((above.sum(1) * at**2).sum(1) + (above.sum(2) * at**2).sum(1)) / mass - cx**2 - cy**2) / np.sqrt(2)
        close("centres", np.stack([region["x"][:], region["y"][:]]), np.stack([cx, cy]), 1e-6)
        close("spread", region["spread"][:], spread, 1e-6)
        told = np.arange(24) != 3
        for name, own, k in (("r_x", cx, 0), ("r_y", cy, 1)):
            close(name, rows[-1][name], np.corrcoef(own[told], known[told, k])[0, 1], 1e-6)
            assert rows[-1][f"{name}_low"] < rows[-1][name] < rows[-1][f"{name}_high"]
        assert rows[-1]["compared"] == 23 and rows[-1]["voxels"] == 24 and rows[-1]["roi"] == "all"
        close("same side", rows[-1]["same_half"], np.mean((cx[told] < 0.5) == (known[told, 0] < 0.5)), 1e-12)
        close("distance", rows[-1]["distance"], np.median(np.hypot(cx[told] - known[told, 0], cy[told] - known[told, 1])), 1e-6)
    np.save(folder / "short.npy", known[:5])
    said = failure("field-map", data, folder / "s.h5", folder / "enc.h5", "--true-fields", f"all={folder / 'short.npy'}", "-o", folder / "no.h5", expect=3)
    assert "5 rows" in said, said
    failure("field-map", data, folder / "s.h5", folder / "enc.h5", "--true-fields", folder / "short.npy", "-o", folder / "no.h5", expect=2)
    said = failure("field-map", data, folder / "s.h5", folder / "enc.h5", "--roi", "V1", "-o", folder / "no.h5", expect=3)
    assert "it has all all" in said, said
    assert not (folder / "no.h5").exists()


def simulated(folder, where):
    """A subject with fields in the contralateral half, or in both; its encoding and the fields that this finds."""
    sim, data = folder / where, folder / f"{where}.h5"
    run("nsd-simulate", "-o", sim, "--images", 500, "--test-images", 40, "--image-size", SIZE, "--noise-ceiling", 0.8, "--roi-scale", 0.6, "--fields", where)
    run("nsd-extract", "algonauts", sim, "--subject", 1, "--size", SIZE, "-o", data)
    rows = {}
    for hemisphere in ("lh", "rh"):
        run("ridge-encode", data, "--hemi", hemisphere, "--roi", "V1v,V1d", "--layers", "features.2", "--components", 300, "--save-weights", "-o", folder / f"{where}.{hemisphere}.enc.h5")
        truth = sim / "subj01" / "truth" / f"{hemisphere}_receptive_field.npy"
        found = json.loads(run("field-map", data, SHIPPED, folder / f"{where}.{hemisphere}.enc.h5", "--split", "test", "--true-fields", f"{hemisphere}={truth}", "--json", "-o", folder / f"{where}.{hemisphere}.fields.h5"))
        rows[hemisphere] = found[-1]
        for method in ("hirescam", "gradcam"):
            run("salience-map", data, SHIPPED, "--encoding", folder / f"{where}.{hemisphere}.enc.h5", "--roi", "V1v", "--method", method, "--split", "test", "--flip-control", "-o", folder / f"{where}.{hemisphere}.{method}.h5")
    return data, rows


def check_simulated(folder):
    for where in ("contralateral", "both"):
        data, rows = simulated(folder, where)
        for hemisphere, row in rows.items():
            print(f"{where} {hemisphere}: r of x {row['r_x']:.3f}, of y {row['r_y']:.3f}, same side {row['same_half']:.2f}, mean x {row['mean_x']:.3f}")
            # Known: encodings of these pictures find the centres; the bound leaves room for voxels with few pictures.
            assert row["r_x"] > 0.8 and row["r_y"] > 0.8, row
        table = [json.loads(run("salience-eval", folder / f"{where}.lh.{m}.h5", folder / f"{where}.rh.{m}.h5", "--json", "--resamples", 2000,
                                "--sheet", folder / f"{where}.{m}.html", "--data", data, "-o", folder / f"{where}.{m}.lateral.h5"))[0] for m in ("hirescam", "gradcam")]
        print(f"{where}: contralateral {table[0]['contralateral']:+.3f} by hirescam, {table[1]['contralateral']:+.3f} by gradcam")
        if where == "contralateral":
            # The left hemisphere sees the right half: its maps lie there, and stay there as pictures are mirrored.
            assert table[0]["left"] < -0.2 < 0.2 < table[0]["right"] and table[0]["p"] < 0.001
            assert table[0]["contralateral"] > 0.3 and table[0]["mirrored"] > 0.3
            assert all(r["same_half"] == 1 for r in rows.values())
            assert rows["lh"]["mean_x"] > 0.6 and rows["rh"]["mean_x"] < 0.4
            check_sheet(folder / "contralateral.hirescam.html", data, folder)
        else:
            # Fields on both sides: by chance a region has a few more on one; a third of what there was is far more than that.
            assert abs(table[0]["contralateral"]) < 0.15, table[0]
            assert all(abs(r["mean_x"] - 0.5) < 0.08 for r in rows.values())
        # Its mean over space forgets where the weights lie (man salience-map).
        assert abs(table[1]["contralateral"]) < 0.1


def check_sheet(page, data, folder):
    """The pictures that the region answers to most, in order."""
    text = page.read_text()
    assert "http" not in text.replace("http://www.w3.org", ""), "fetches something"
    with h5py.File(data) as d, h5py.File(folder / "contralateral.lh.hirescam.h5") as f:
        ids = list(d["image"].asstr())
        rows = [ids.index(i) for i in f["image"].asstr()[:]]
        total = sum(_zscored(d, h, rows) for h in ("lh", "rh"))
        expected = [f["image"].asstr()[:][i] for i in np.argsort(-total, kind="stable")[:12]]
    shown = [part.split('"')[0] for part in text.split('alt="')[1:]]
    shown = [s for s in shown if ":" in s]
    assert shown == expected, (shown, expected)
    assert text.count("data:image/png;base64,") == 1 + 3 * 12


def _zscored(d, hemisphere, rows):
    labelled = d[f"roi_{hemisphere}_prf_visualrois"][:] == 1  # V1v
    mean = d[f"response_{hemisphere}"][:][rows][:, labelled].astype(np.float64).mean(1)
    return (mean - mean.mean()) / mean.std()


def fake(path, source, index, mirrored=None, **attributes):
    """A salience file with indices of our own, in band b times 1 − b / 10, made from one that salience-map wrote."""
    shutil.copy(source, path)
    with h5py.File(path, "r+") as f:
        own = str(uuid.uuid4())
        provenance = f["provenance"][()].decode().replace(f.attrs["uuid"], own)
        f["provenance"][()] = provenance
        for name, value in {"uuid": own, **attributes}.items():
            f.attrs[name] = value
        f["index"][:], f["band_index"][:] = index, index[:, None] * (1 - np.arange(1, 5) / 10)
        if mirrored is not None:
            f["mirrored_index"][:], f["mirrored_band_index"][:] = mirrored, mirrored[:, None] * (1 - np.arange(1, 5) / 10)
    return path


def sign_flip(values):
    """Exact, two-sided."""
    sums = [abs(np.dot(signs, values)) for signs in itertools.product((-1, 1), repeat=len(values))]
    return np.mean(np.array(sums) >= abs(values.sum()) * (1 - 1e-12))


def check_statistics(folder):
    """Files with indices of our own, against numpy; 14 images, where random signs are exact."""
    rng = np.random.default_rng(7)
    source = {h: folder / f"contralateral.{h}.hirescam.h5" for h in ("lh", "rh")}
    with h5py.File(source["lh"]) as f:
        n = len(f["image"])
    few = lambda centre: np.where(np.arange(n) < 14, np.clip(rng.normal(centre, 0.3, n), -1, 1), np.nan)
    of_class = {"score_kind": "class", "score_of": "true", "score_subject": "", "score_hemisphere": "", "score_roi_class": "", "score_roi": ""}
    tuned = {"method": "infonce", "roi_class": "prf-visualrois", "roi": "V1v", **of_class}
    index, mirrored, files = {}, {}, []
    for subject, gap in (("subj01", 0.25), ("subj02", 0.2), ("subj03", 0.3)):
        for h, sign in (("lh", -1), ("rh", 1)):
            index[subject, h], mirrored[subject, h] = few(sign * gap / 2), few(sign * gap / 2)
            files.append(fake(folder / f"{subject}.{h}.fake.h5", source[h], index[subject, h], mirrored[subject, h], hemisphere=h, tuned_subjects=subject, model_sha256=f"{subject}{h}", **tuned))
    plain = few(0)
    files.append(fake(folder / "plain.fake.h5", source["lh"], plain, **of_class))
    rows = json.loads(run("salience-eval", *files, "--json", "-o", folder / "fake.lateral.h5"))
    for subject in ("subj01", "subj02", "subj03"):
        row = next(r for r in rows if r["subject"] == subject and r["band"] == "all")
        l, r, ml, mr = (a[subject, h][:14] for a in (index, mirrored) for h in ("lh", "rh"))
        d = (r - l) / 2
        close("means", [row["left"], row["right"], row["contralateral"], row["mirrored"]], [l.mean(), r.mean(), d.mean(), ((mr - ml) / 2).mean()], 1e-12)
        close("exact p", [row["p"], row["mirrored_p"]], [sign_flip(d), sign_flip((mr - ml) / 2)], 1e-12)
        close("against untuned", [row["left_minus_untuned"], row["left_minus_untuned_p"], row["right_minus_untuned"], row["right_minus_untuned_p"]],
              [(l - plain[:14]).mean(), sign_flip(l - plain[:14]), (r - plain[:14]).mean(), sign_flip(r - plain[:14])], 1e-12)
        drawn = rng.integers(0, 14, (20000, 14))
        # two bootstraps of 10,000 and 20,000 draws; their percentiles have a standard error of about 2 % of the interval
        close("interval", [row["low"], row["high"]], np.percentile(d[drawn].mean(1), [2.5, 97.5]), 0.08 * (row["high"] - row["low"]))
        both = np.concatenate([l, r])
        dealt = np.array([rng.permutation(both) for _ in range(20000)])
        p = np.mean(np.abs(dealt[:, 14:].mean(1) - dealt[:, :14].mean(1)) >= abs(r.mean() - l.mean()))
        close("permutation p", row["permutation_p"], p, 4 * np.sqrt(p * (1 - p) / 10000) + 4 * np.sqrt(p * (1 - p) / 20000) + 1e-3)
        a, b = np.concatenate([l, r]), np.concatenate([ml, mr])
        close("flips", [row["changes_sign"], row["flip_r"]], [np.mean(a * b < 0), (np.corrcoef(l, ml)[0, 1] + np.corrcoef(r, mr)[0, 1]) / 2], 1e-12)
        for b, name in enumerate(("0-0.25", "0.25-0.5", "0.5-0.75", "0.75-1"), 1):
            inside = next(row for row in rows if row["subject"] == subject and row["band"] == name)
            close(f"band {name}", inside["contralateral"], (1 - b / 10) * d.mean(), 1e-12)
    effects = np.array([next(r for r in rows if r["subject"] == s and r["band"] == "all")["contralateral"] for s in ("subj01", "subj02", "subj03")])
    over = next(r for r in rows if r["row"] == "region")
    close("over subjects", [over["contralateral"], over["p"]], [effects.mean(), sign_flip(effects)], 1e-12)
    ps = np.array([next(r for r in rows if r["subject"] == s and r["band"] == "all")["p"] for s in ("subj01", "subj02", "subj03")])
    order = np.argsort(ps)
    adjusted = np.minimum.accumulate((ps[order] * 3 / np.arange(1, 4))[::-1])[::-1]
    qs = np.array([next(r for r in rows if r["subject"] == s and r["band"] == "all")["q"] for s in ("subj01", "subj02", "subj03")])
    close("q", qs[order], np.minimum(adjusted, 1), 1e-12)
    run("cortune-info", folder / "fake.lateral.h5")

    # Another layer is another region, not another pair of it.
    more = [fake(folder / f"subj01.{h}.layer.h5", source[h], -index["subj01", h], hemisphere=h, tuned_subjects="subj01", model_sha256=f"subj01{h}", layer="other", **tuned) for h in ("lh", "rh")]
    mixed = json.loads(run("salience-eval", *files, *more, "--json"))
    assert [r["contralateral"] for r in mixed if r["row"] == "region"] == [over["contralateral"]], "layers were mixed"
    assert {r["layer"] for r in mixed if r["row"] == "pair"} == {rows[0]["layer"], "other"}

    # Pictures that tuned a network are left out unless they are asked for, and then it is said.
    with h5py.File(files[0], "r+") as f:
        f["tuned"][:4] = 1
    row = json.loads(run("salience-eval", *files[:2], "--json", "-o", folder / "out.lateral.h5"))[0]
    assert row["n"] == 10, row
    close("without the tuned ones", row["left"], index["subj01", "lh"][4:14].mean(), 1e-12)
    run("salience-eval", *files[:2], "--allow-tuned-images", "-o", folder / "in.lateral.h5")
    with h5py.File(folder / "in.lateral.h5") as f, h5py.File(folder / "out.lateral.h5") as g:
        assert f.attrs["optimistic"] == 1 and g.attrs["optimistic"] == 0 and f["images"][0] == g["images"][0] + 4

    said = failure("salience-eval", files[0], files[1], files[0], expect=3)
    assert "are one file" in said, said
    with h5py.File(files[2], "r+") as f:
        f["image_sha256"][5] = "0" * 64
    said = failure("salience-eval", files[2], files[3], expect=3)
    assert "is not the same picture" in said, said
    with h5py.File(files[4], "r+") as f:
        f.attrs["score_of"] = "checked-fish"
    said = failure("salience-eval", files[4], files[5], expect=3)
    assert "no two of the files" in said, said  # maps of another class
    said = failure("salience-eval", files[0], files[2], expect=3)  # two left ones
    assert "no two of the files" in said, said
    failure("salience-eval", files[0], files[1], "--data", folder / "contralateral.h5", expect=2)
    said = failure("salience-eval", files[0], files[1], "--sheet", folder / "no.html", "--data", folder / "few.h5", expect=3)
    assert "the data of few" in said and not (folder / "no.html").exists(), said


if __name__ == "__main__":
    from pathlib import Path

    from common import SOURCE

    SHIPPED = SOURCE / "share" / "models" / "alexnet-mini.h5"
    with scratch() as name:
        here = Path(name)
        check_maps(here)
        check_simulated(here)
        check_statistics(here)
