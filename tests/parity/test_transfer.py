# SPDX-License-Identifier: BSD-3-Clause
"""transfer-eval gives what ridge-encode and encode-eval give one by one (means of r to 1e-5: float32 features
summed in another order; p and shares where voxels are not tied), runs every picture once, leaves out what tuned a
network, and finds regions of other atlases."""
import csv
import io
import pathlib

import h5py
import numpy as np

from common import close, run, scratch

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
    said = run("transfer-eval", *files[:2], "--manifest", folder / "list.txt", *SMALL, "--permutations", 300, "--bootstrap", 300, "--encodings", folder / "kept",
               "--map", folder / "map.svg", "-o", folder / "t.h5", "-q")
    run("cortune-info", folder / "t.h5")
    assert "<svg" in (folder / "map.svg").read_text() and len(list((folder / "kept").glob("*.h5"))) == 6
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
        assert None not in g and None not in g.values()
        for key in ("source", "target", "within", "difference", "share_improved"):
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


def test_refusals(folder, files):
    out = folder / "x.h5"
    shipped = folder / "shipped.h5"
    run("cl-finetune", files[1], *REGION, "--min-voxels", 5, "--epochs", 0, "-q", "-o", shipped)
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
        test_left_out(folder, files)
        test_other_atlas(folder, files)
        test_refusals(folder, files)


if __name__ == "__main__":
    main()
