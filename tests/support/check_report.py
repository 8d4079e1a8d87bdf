# SPDX-License-Identifier: BSD-3-Clause
"""A study's report.tsv and report.html against what NumPy makes of its evaluation and transfer files: check_report.py OUT.
Values are printed with six digits: a relative tolerance of 5e-6."""
import csv
import html.parser
import itertools
import pathlib
import re
import sys

import h5py
import numpy as np

out = pathlib.Path(sys.argv[1])
rows = list(csv.DictReader(open(out / "report.tsv"), delimiter="\t"))
Z = 1.959963984540054


def near(what, found, expected):
    found = float("nan") if found == "NA" else float(found)
    assert np.isclose(found, expected, rtol=5.1e-6, atol=1e-9, equal_nan=True), (what, found, expected)


def over_subjects(effects, errors):
    """Mean, exact sign-flip p, DerSimonian and Laird's estimate and interval."""
    y, s = np.array(effects), np.array(errors)
    n = len(y)
    flips = [abs(np.dot(signs, y)) >= abs(y.sum()) - 1e-12 for signs in itertools.product([1, -1], repeat=n)]
    w = 1 / s**2
    q = np.sum(w * (y - np.sum(w * y) / w.sum()) ** 2)
    tau2 = max(0, (q - (n - 1)) / (w.sum() - np.sum(w**2) / w.sum()))
    v = 1 / (s**2 + tau2)
    estimate, error = np.sum(v * y) / v.sum(), 1 / np.sqrt(v.sum())
    return y.mean(), np.mean(flips), estimate, estimate - Z * error, estimate + Z * error


COLUMNS = ("gain", "p_value", "estimate", "estimate_low", "estimate_high")


def texts(node, name):
    return [x.decode() for x in node[name][:]]


def check_sets(file, against, expected_models):
    with h5py.File(file) as f:
        sets, table = f["sets"], f["table"]
        labels, where = texts(f, "model"), list(zip(texts(table, "subject"), texts(table, "roi")))
        # A subject's set is the mean over its regions.
        for i, (subject, group, label) in enumerate(zip(texts(sets, "subject"), texts(sets, "set"), texts(sets, "label"))):
            mine = [j for j, (s, roi) in enumerate(where) if s == subject and table["images"][j, labels.index(label)] > 0]
            for name, column in (("mean_r", labels.index(label)), ("reference_r", 0)):
                near(name, sets[name][i], table["mean_r"][:][mine, column].mean())
            for name in ("difference", "share_improved"):
                near(name, sets[name][i], table[name][:][mine, labels.index(label)].mean())
            low, high = sets["difference_low"][i], sets["difference_high"][i]
            assert low <= high and sets["rois"][i] == len(mine) > 0
        for model in expected_models:
            mine = [i for i, (group, label) in enumerate(zip(texts(sets, "set"), texts(sets, "label"))) if group == "all" and label == model]
            gain, low, high = (sets[k][:][mine] for k in ("difference", "difference_low", "difference_high"))
            row, = [r for r in rows if (r["against"], r["model"], r["set"]) == (against, model, "all")]
            for name, value in zip(COLUMNS, over_subjects(gain, (high - low) / (2 * Z))):
                near(name, row[name], value)
            near("share", row["share_improved"], sets["share_improved"][:][mine].mean())
            near("mean_r", row["mean_r"], sets["mean_r"][:][mine].mean())
            assert int(row["subjects"]) == len(mine) == 2 and row["optimistic"] == "0"


def check_transfer():
    """Own networks against others', in the regions of a target that both were tried on."""
    with h5py.File(out / "transfer.contrastive.s0.h5") as f:
        table = {k: texts(f["table"], k) for k in ("target", "hemisphere", "roi")} | {k: f["table"][k][:] for k in ("within", "difference", "share_improved")}
        targets = f["targets"]
        which = [i for i, group in enumerate(texts(targets, "group")) if group == "all"]
        names = [texts(targets, "target")[i] for i in which]
        interval = {side: (targets[f"{side}_low"][:][which], targets[f"{side}_high"][:][which]) for side in ("own", "others", "difference")}
    cells = list(zip(table["target"], table["hemisphere"], table["roi"], table["within"], table["difference"], table["share_improved"]))
    values = {"own": [], "others": []}
    for target in names:
        sides = {side: {} for side in values}
        for t, hemisphere, roi, within, difference, share in cells:
            if t == target and np.isfinite(difference):
                sides["own" if within else "others"].setdefault((hemisphere, roi), []).append((difference, share))
        shared = sides["own"].keys() & sides["others"].keys()
        assert shared
        for side in values:
            values[side].append(np.mean([np.mean(sides[side][region], axis=0) for region in shared], axis=0))
    values = {side: np.array(v) for side, v in values.items()}
    values["difference"] = values["own"] - values["others"]
    assert len(names) == 2
    for side, model in (("own", "own network"), ("others", "other subjects' networks"), ("difference", "own minus others'")):
        row, = [r for r in rows if r["model"] == "contrastive: " + model and r["set"] == "all"]
        low, high = interval[side]
        for name, value in zip(COLUMNS, over_subjects(values[side][:, 0], (high - low) / (2 * Z))):
            near(model + " " + name, row[name], value)
        near(model + " share", row["share_improved"], values[side][:, 1].mean())


class Page(html.parser.HTMLParser):
    """Every element is closed, ids are there once, nothing is fetched."""

    open_ones, ids = [], set()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        assert attributes.get("id") not in self.ids, attributes
        self.ids |= {attributes["id"]} if "id" in attributes else set()
        for name in ("src", "href", "xlink:href"):
            assert not re.match("(https?:)?//", attributes.get(name) or ""), attributes
        if tag != "meta":
            self.open_ones.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open_ones.pop() == tag, (tag, self.getpos())


check_sets(out / "evaluation.s0.h5", "untuned", ["contrastive", "pooled"])
check_sets(out / "evaluation.pooled-contrastive.s0.h5", "contrastive", ["pooled"])
check_transfer()
text = (out / "report.html").read_text()
Page().feed(text)
assert not Page.open_ones and "<h1>A &lt;test&gt;</h1>" in text and "a paper" in text
assert text.count("<svg") >= 8 and "subj02 lh V1d: 18 voxels" in text
# Published, over the two subjects that both have: 0.15 and 0.25, a gain of 0.1; PPA is the untuned network's, of one.
line = re.search(r"<td class=t>lh V1v</td><td class=t>contrastive</td><td class=t>cl_tuned</td><td>2</td><td>([\d.-]+)</td><td>0.250</td><td>[^<]*</td><td>\+0.1000</td>", text)
assert line and re.search(r"lh PPA</td><td class=t>untuned</td><td class=t>untuned</td><td>1</td><td>[\d.-]+</td><td>0.900</td><td>–</td>", text)
with h5py.File(out / "evaluation.s0.h5") as f:
    at = [i for i, key in enumerate(zip(texts(f["table"], "hemisphere"), texts(f["table"], "roi"))) if key == ("lh", "V1v")]
    assert line[1] == f"{f['table/mean_r'][:][at, 1].mean():.3f}"
print("ok report")
