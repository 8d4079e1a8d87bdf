# SPDX-License-Identifier: BSD-3-Clause
"""transfer-eval gives what ridge-encode and encode-eval give one by one (means of r to 1e-5: float32 features
summed in another order; p and shares where voxels are not tied), runs every picture once, leaves out what tuned a
network, and finds regions of other atlases."""
import csv
import io
import json
import pathlib
import shutil
import uuid

import h5py
import numpy as np

from common import close, failure, run, scratch

REGION = ["--hemi", "lh", "--roi", "V1v"]
SMALL = ["--min-voxels", 5, "--layers", "features.2,classifier.2"]


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text), delimiter="\t"))


def images_of(path):
    with h5py.File(path) as f:
        return f["image"].asstr()[:], f["sha256"].asstr()[:], f["split"][:]


def by_hand(folder, subject, model, name):
    """The same comparison with the single tools."""
    run("ridge-encode", folder / f"{subject}.h5", *REGION, *SMALL, "--overwrite", "-q", "-o", folder / "untuned.enc.h5")
    run("ridge-encode", folder / f"{subject}.h5", folder / model, *REGION, *SMALL, "--overwrite", "-q", "-o", folder / "tuned.enc.h5")
    table = run("encode-eval", "--model", f"u={folder / 'untuned.enc.h5'}", "--model", f"t={folder / 'tuned.enc.h5'}", "--permutations", 300, "--bootstrap", 300, "-q")
    untuned, tuned = rows_of(table)
    return untuned, tuned


def test_pairs(folder):
    run("nsd-simulate", "--preset", "tiny", "--subjects", 2, "--seed", 3, "-q", "-o", folder / "sim")
    for s in (1, 2):
        run("nsd-extract", "algonauts", folder / "sim", "--subject", s, "--size", 64, "-q", "-o", folder / f"subj0{s}.h5")
        run("cl-finetune", folder / f"subj0{s}.h5", *REGION, "--min-voxels", 5, "--epochs", 3, "--batch", 32, "-q", "-o", folder / f"m{s}.h5")
    files = [folder / n for n in ("m1.h5", "subj01.h5", "m2.h5", "subj02.h5")]
    (folder / "list.txt").write_text("# relative to the list\nm2.h5\nsubj02.h5\n")
    drawn = ["--map", folder / "map.svg"] if shutil.which("gnuplot") else []
    said = run("transfer-eval", *files[:2], "--manifest", folder / "list.txt", *SMALL, "--permutations", 300, "--bootstrap", 300, "--encodings", folder / "kept",
               *drawn, "-o", folder / "t.h5", "-q")
    run("cortune-info", folder / "t.h5")
    assert not drawn or "<svg" in (folder / "map.svg").read_text()
    assert len(list((folder / "kept").glob("*.h5"))) == 6
    cells = [r for r in rows_of(said) if r["level"] == "region"]
    assert [(c["source"], c["target"], c["within"]) for c in cells] == [("subj01 infonce", "subj01", "1"), ("subj01 infonce", "subj02", "0"),
                                                                          ("subj02 infonce", "subj01", "0"), ("subj02 infonce", "subj02", "1")]
    for c in cells:
        untuned, tuned = by_hand(folder, c["target"], f"m{c['source'][5]}.h5", c)
        label = f"{c['source']} on {c['target']}"
        for ours, theirs in (("r", tuned["mean_r"]), ("r_untuned", untuned["mean_r"]), ("difference", tuned["difference"]),
                             ("difference_low", tuned["difference_low"]), ("difference_high", tuned["difference_high"]), ("share_improved", tuned["share_improved"])):
            close(f"{label} {ours}", float(c[ours]), float(theirs), 1e-5)
        # A permutation that ties with what was found may fall to either side: three of 300.
        close(f"{label} p", float(c["p_value"]), float(tuned["p_value"]), 3 / 300)
        assert c["left_out"] == "0" and c["group"] == "early" and c["optimistic"] == "0"
    groups = [r for r in rows_of(said) if r["level"] == "group"]
    assert {g["group"] for g in groups} == {"all", "early"} and len(groups) == 8
    for c, g in zip(cells, groups[::2]):  # of one region: its own figures, in their own columns
        assert None not in g and None not in g.values() and g["roi"] == "1 region"
        for key in ("source", "target", "within", "difference", "difference_low", "difference_high", "p_value", "share_improved", "share_p_value"):
            assert g[key] == c[key], (key, g, c)
    with h5py.File(folder / "t.h5") as f:
        share = f["matrix/all/share_improved"][:]
        assert np.allclose(share.ravel(), [float(c["share_improved"]) for c in cells], atol=1e-5) and np.isnan(f["matrix/higher/gain"][:]).all()
        assert [list(f["source"].asstr()[:]), list(f["target"].asstr()[:])] == [["subj01 infonce", "subj02 infonce"], ["subj01", "subj02"]]
    # Every picture once a network, though both subjects saw it.
    plan = dict(line.split("\t", 1) for line in run("transfer-eval", *files, *SMALL, "--plan").splitlines())
    union = len({sha for s in (1, 2) for sha, split in zip(*images_of(folder / f"subj0{s}.h5")[1:]) if split < 2})
    assert int(plan["passes"]) == 3 and int(plan["pictures through networks"]) == 3 * union, (plan, union)
    assert int(plan["Gram matrices"]) == 3 * 2 * 2 and int(plan["decompositions"]) == 3 * 2 * 2 * 6
    return files


def marked(folder, model, name, **attributes):
    """A copy of a model that says something else of itself."""
    out = folder / name
    shutil.copy(model, out)
    with h5py.File(out, "r+") as f:
        tree = json.loads(f["provenance"].asstr()[()])
        fresh = str(uuid.uuid4())
        tree["nodes"][fresh] = tree["nodes"].pop(tree["root"])
        tree["root"] = fresh
        f["provenance"][()] = json.dumps(tree)
        for key, value in {"uuid": fresh, **attributes}.items():
            f.attrs[key] = value
    return out


def two_equal_regions(folder, subject):
    """V1v and V1d of as many voxels each, so that a mean over both regions is one over their voxels."""
    out = folder / "equal.h5"
    shutil.copy(subject, out)
    with h5py.File(out, "r+") as f:
        labels = f["roi_lh_prf_visualrois"]
        values = labels[:]
        names = dict(zip(labels.attrs["label_names"], map(int, labels.attrs["label_values"])))
        early = np.flatnonzero((values == names["V1v"]) | (values == names["V1d"]))
        half = len(early) // 2
        values[early] = 0
        values[early[:half]], values[early[half : 2 * half]] = names["V1v"], names["V1d"]
        labels[:] = values
    return out, half


def test_groups(folder, files):
    """Two regions of equal size are their union: gain, interval, p and shares; with one layer and the same network."""
    data, half = two_equal_regions(folder, files[3])
    assert half >= 5
    networks = {roi: marked(folder, files[0], f"as-{roi}.h5", roi=roi) for roi in ("V1v", "V1d", "V1v+V1d")}
    one_layer = ["--min-voxels", 5, "--layers", "classifier.2", "--permutations", 300, "--bootstrap", 300, "-q"]
    parts = rows_of(run("transfer-eval", networks["V1v"], networks["V1d"], data, *one_layer, "-o", folder / "parts.h5"))
    union = rows_of(run("transfer-eval", networks["V1v+V1d"], data, *one_layer, "-o", folder / "union.h5"))[0]
    group = [r for r in parts if r["level"] == "group"][0]
    assert group["roi"] == "2 regions"
    for key in ("difference", "difference_low", "difference_high", "share_improved"):
        close(f"two regions as one, {key}", float(group[key]), float(union[key]), 1e-5)
    for key in ("p_value", "share_p_value"):
        close(f"two regions as one, {key}", float(group[key]), float(union[key]), 3 / 300)
    # Networks of two seeds are one region, once.
    seeds = rows_of(run("transfer-eval", networks["V1v"], marked(folder, files[0], "again.h5", seed=9), data, *one_layer, "-o", folder / "seeds.h5"))
    group = [r for r in seeds if r["level"] == "group"][0]
    assert group["roi"] == "1 region" and all(abs(float(group[k]) - float(seeds[0][k])) < 1e-9 for k in ("difference", "difference_low", "p_value"))
    # A region without any r leaves the others' figures alone, and a map with holes is drawn.
    dead = folder / "dead.h5"
    shutil.copy(data, dead)
    with h5py.File(dead, "r+") as f:
        labels = f["roi_lh_prf_visualrois"]
        names = dict(zip(labels.attrs["label_names"], map(int, labels.attrs["label_values"])))
        y = f["response_lh"][:]
        y[:, labels[:] == names["V1d"]] = 0
        f["response_lh"][:] = y
        f.attrs["subject"] = "dead"
    drawn = ["--map", folder / "holes.svg"] if shutil.which("gnuplot") else []
    rows = rows_of(run("transfer-eval", networks["V1v"], networks["V1d"], marked(folder, files[2], "other-V1d.h5", roi="V1d"), data, dead, *one_layer, *drawn, "-o", folder / "dead-t.h5"))
    groups = {(r["source"], r["target"]): r for r in rows if r["level"] == "group" and r["group"] == "all"}
    assert ("subj02 infonce", "dead") not in groups and groups["subj01 infonce", "dead"]["roi"] == "1 region"
    alone = next(r for r in rows if r["level"] == "region" and r["target"] == "dead" and r["roi"] == "V1v")
    assert all(groups["subj01 infonce", "dead"][k] == alone[k] for k in ("difference", "p_value", "difference_low", "share_improved"))
    if drawn:  # a rectangle a cell, one of them grey
        text = (folder / "holes.svg").read_text()
        assert text.count("rgb(217, 217, 217)") >= 2 and "image" not in text, text[:3000]


def test_left_out(folder, files):
    """Another split of the target: what tuned the network is not scored."""
    other = folder / "other.h5"
    run("nsd-extract", "algonauts", folder / "sim", "--subject", 2, "--size", 64, "--split-seed", 7, "--test-share", 0.4, "-q", "-o", other)
    cell = rows_of(run("transfer-eval", files[0], other, *SMALL, "--permutations", 50, "--bootstrap", 50, "-o", folder / "left.h5", "-q"))[0]
    ids, sha, split = images_of(other)
    with h5py.File(files[0]) as f:
        tuned = set(f["tuned/image"].asstr()[:]) | set(f["tuned/sha256"].asstr()[:])
    test = split == 1
    leaked = sum(i in tuned or s in tuned for i, s in zip(ids[test], sha[test]))
    assert leaked > 0 and int(cell["left_out"]) == leaked and int(cell["images"]) == test.sum() - leaked, (cell, leaked)


def test_other_atlas(folder, files):
    """NSD's networks on NOD: V1v's are tried on V1."""
    run("nsd-simulate", "--preset", "tiny", "--subjects", 1, "--seed", 4, "--layout", "nod", "-q", "-o", folder / "nod")
    atlas = next((folder / "nod").rglob("MMP_mpmLR32k.mat")).parent
    run("nsd-extract", "nod", folder / "nod", "--subject", 1, "--atlas", atlas / "MMP_mpmLR32k.mat", "--atlas-names", atlas / "roilbl_mmp.csv", "--size", 64, "-q",
        "-o", folder / "nod.h5")
    rows = rows_of(run("transfer-eval", files[0], folder / "nod.h5", *SMALL, "--permutations", 50, "--bootstrap", 50, "-o", folder / "nod-transfer.h5", "-q"))
    assert [(r["source_roi"], r["roi_class"], r["roi"]) for r in rows if r["level"] == "region"] == [("lh V1v", "glasser", "V1")], rows
    # And back.
    run("cl-finetune", folder / "nod.h5", "--hemi", "lh", "--roi", "V1", "--min-voxels", 5, "--epochs", 1, "--batch", 32, "-q", "-o", folder / "nod-V1.h5")
    rows = rows_of(run("transfer-eval", folder / "nod-V1.h5", files[1], *SMALL, "--permutations", 50, "--bootstrap", 50, "-o", folder / "nod-back.h5", "-q"))
    assert [(r["source_roi"], r["roi_class"], r["roi"]) for r in rows if r["level"] == "region"] == [("lh V1", "prf-visualrois", "V1v+V1d")], rows


def test_refusals(folder, files):
    out = folder / "x.h5"
    for path, reason in ((marked(folder, files[0], "begun.h5", start_sha256="0" * 64), "began with another network"), (files[0], "is the same network as")):
        said = failure("transfer-eval", files[0], path, files[1], *SMALL, "-o", out, expect=3)
        assert reason in said, said
    said = failure("transfer-eval", files[0], files[1], *SMALL, "--untuned", files[2], "-o", out, expect=3)
    assert "is tuned" in said, said
    # Nearly all of the target's test images tuned the network: said, and the others go on.
    few = folder / "few.h5"
    shutil.copy(files[3], few)
    with h5py.File(few, "r+") as f:
        with h5py.File(files[0]) as m:
            tuned = set(m["tuned/image"].asstr()[:])
        f["split"][:] = [1 if i in tuned else 0 for i in f["image"].asstr()[:]]
        f.attrs["subject"] = "few"
    plan = run("transfer-eval", files[0], files[1], few, *SMALL, "--plan", "--permutations", 5)
    assert "of its" in plan and "test images tuned the network" in plan, plan
    rows = rows_of(run("transfer-eval", files[0], files[1], few, *SMALL, "--permutations", 20, "--bootstrap", 20, "-q", "-o", folder / "others.h5"))
    assert {r["target"] for r in rows} == {"subj01"}
    listed = folder / "list2.txt"
    listed.write_text("m2.h5 # a comment\nsubj02.h5\n")
    run("transfer-eval", "--manifest", listed, *SMALL, "--map", listed, "--overwrite", "-o", out, expect=2)
    assert listed.read_text().startswith("m2.h5")
    # A failure leaves no folder of encodings behind that would stop the mended command.
    run("transfer-eval", files[0], files[1], "--min-voxels", 5000, "--encodings", folder / "new", "-o", out, expect=3)
    assert not (folder / "new").exists()
    run("transfer-eval", files[0], files[1], *SMALL, expect=2)
    run("transfer-eval", files[1], files[3], "-o", out, expect=2)
    run("transfer-eval", files[0], files[1], files[1], "-o", out, expect=3)
    run("transfer-eval", files[0], files[1], "--min-voxels", 5000, "-o", out, expect=3)
    run("transfer-eval", files[0], files[1], folder / "t.h5", "-o", out, expect=3)
    run("transfer-eval", files[0], files[1], *SMALL, "-o", folder / "t.h5", expect=4)
    run("transfer-eval", files[0], files[1], *SMALL, "--encodings", folder / "kept", "-o", out, expect=4)
    assert not out.exists()


def main():
    with scratch() as name:
        folder = pathlib.Path(name)
        files = test_pairs(folder)
        test_groups(folder, files)
        test_left_out(folder, files)
        test_other_atlas(folder, files)
        test_refusals(folder, files)


if __name__ == "__main__":
    main()
