# SPDX-License-Identifier: BSD-3-Clause
"""examples/insight on a few pictures: the chain runs, a second make does nothing, and the page says what the files say."""
import html
import os
import re
import subprocess

import h5py
import numpy as np

from common import BIN, SOURCE, failure, run, scratch


def false_discovery_control(p):
    """Benjamini and Hochberg's adjusted p, as SciPy's function of this name (from 1.11 on)."""
    p = np.asarray(p, float)
    order = np.argsort(p)
    out = np.empty_like(p)
    out[order] = np.minimum(np.minimum.accumulate((p[order] * len(p) / np.arange(1, len(p) + 1))[::-1])[::-1], 1)
    return out


def make(folder, *more):
    command = ["make", "--no-print-directory", "-C", SOURCE / "examples" / "insight", f"BIN={BIN}", f"OUT={folder / 'out'}", "IMAGES=160", "EPOCHS=2", "PER_CLASS=8", "STEPS=3",
               "SUBJECTS=subj01", "ROIS=V1v+V1d", "THREADS=1", *more]
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True, env={k: v for k, v in os.environ.items() if k != "MAKEFLAGS"}).stdout


def sentences(page):
    text = page.read_text()
    assert "http" not in re.sub(r"http://www\.w3\.org|https?://gnuplot[^\s<]*", "", text), "fetches something"
    return [html.unescape(re.sub("<.*?>", "", s)) for s in re.findall(r"<p class=said>(.*?)</p>", text, re.S)], text


def found(said, pattern):
    hit = next((m for m in (re.search(pattern, s) for s in said) if m), None)
    assert hit, (pattern, said)
    return hit


def check_page(out):
    said, text = sentences(out / "insight.html")
    ps, differences = [], []
    for h in ("lh", "rh"):
        with h5py.File(out / f"subj01.{h}.V1v+V1d.probe.h5") as f:
            ps.append(f["comparison"].attrs["mcnemar_p"])
            differences.append(f["comparison"].attrs["difference"])
    q = false_discovery_control(ps)
    hit = found(said, r"(\d+) of (\d+) networks classify significantly worse than the untuned one, (\d+) better")
    assert list(map(int, hit.groups())) == [int(np.sum((q < 0.05) & (np.array(differences) < 0))), 2, int(np.sum((q < 0.05) & (np.array(differences) > 0)))], hit
    lows = [h5py.File(out / f"subj01.{h}.V1v+V1d.information.h5").attrs["bound_low"] for h in ("lh", "rh")]
    assert int(found(said, r"The interval of (\d+) of 2 bounds is above zero")[1]) == sum(v > 0 for v in lows)
    for s in ("subj01", "subj03"):
        with h5py.File(out / f"{s}.fields.h5") as f:
            rs = []
            f["results"].visititems(lambda n, o: rs.append(o.attrs["r_x"]) if "layer" in o.attrs else None)
            found(said, re.escape(f"r of x {min(rs):.3f} to {max(rs):.3f}"))
    ps, effects, own = [], [], []
    for name in ("subj01.response.lateral", "class.lateral", "subj03.response.lateral", "class.control"):
        with h5py.File(out / f"{name}.h5") as f:
            ps += list(f["contralateral_p"][:, 0])
            effects += list(f["contralateral"][:, 0])
            own += ["control" not in name and "subj03" not in name] * len(f["pair"])
    q, effects, own = false_discovery_control(ps), np.array(effects), np.array(own)
    hit = found(said, r"(\d+) of (\d+) pairs differ significantly in the direction of the visual fields, (\d+) against it")
    assert list(map(int, hit.groups())) == [np.sum((q < 0.05) & (effects > 0) & own), 3, np.sum((q < 0.05) & (effects < 0) & own)], hit
    with h5py.File(out / "class.control.h5") as f:
        gradients = [m == "integrated-gradients" for m in f["map_method"].asstr()[:]].index(True)
        found(said, re.escape(f"In one control of V1v+V1d, class true, classifier.5, integrated-gradients it is {f['contralateral'][gradients, 0]:+.3f}."))
    maps = [h5py.File(out / f"{s}.{h}.response.h5") for s in ("subj01", "subj03") for h in ("lh", "rh")]
    hit = found(said, r"In 4 sets of maps that were checked.* is ([+-]\d\.\d\d) to ([+-]\d\.\d\d)")
    rs = [np.nanmean(f["randomised_correlation"][:]) for f in maps]
    assert hit.groups() == (f"{min(rs):+.2f}", f"{max(rs):+.2f}"), (hit, rs)
    assert text.count("data:image/png;base64,") == 1 + 3 * 8, "the contact sheet of subj01"
    assert "commands behind this page" in text and "cl-finetune" in text
    assert "Controls: subj03" in text


if __name__ == "__main__":
    from pathlib import Path

    with scratch() as name:
        here = Path(name)
        make(here, "-j2")
        check_page(here / "out")
        assert "nsd-simulate" not in make(here, "-n") and not re.search(r"^(cl|salience|class|insight)-", make(here), re.M)
        said = failure("insight-report", here / "out" / "subj01.h5", "-o", here / "no.html", expect=3)
        assert "subj01.h5" in said and not (here / "no.html").exists(), said
        failure("insight-report", here / "out" / "landscape.h5", "--sheet-pictures", 3, "-o", here / "no.html", expect=2)
        run("insight-report", here / "out" / "landscape.h5", "-o", here / "alone.html")
        assert "Networks of the same hemisphere" in sentences(here / "alone.html")[0][0] or "Nothing to compare" in sentences(here / "alone.html")[0][0]
