# SPDX-License-Identifier: BSD-3-Clause
"""encode-eval against numpy, on encoding files written by h5py alone.

Tolerances: r and r2 2e-6 (float32 in the file), means and shares 1e-5; the permutation p
of an independent implementation within 4 standard errors of two Monte-Carlo estimates; the
bootstrap interval within 10 % of its width; p roughly uniform where the models are equal.
"""
import csv
import io
import json
import os
import subprocess
import sys
import tempfile

import h5py
import numpy as np

TOOL = os.path.join(os.environ["CORTUNE_BIN"], "encode-eval")


def write(path, rois, images, fold, method="untuned", protocol="held-out", tuned=(), optimistic=0, runs=None):
    """rois: {(hemisphere, class, roi): (vertex, prediction, response, ceiling or None)}"""
    with h5py.File(path, "w") as f:
        f.attrs.update(format="cortune", kind="encoding", schema_version="1.0", generated_by="h5py",
                       created="2026-01-01T00:00:00Z", uuid=os.path.basename(path), subject="subj01",
                       dataset_uuid="d", model_uuid="", model_sha256="", backbone="alexnet", method=method,
                       protocol=protocol, optimistic=np.int64(optimistic),
                       optimistic_reason="chosen on the reported folds" if optimistic else "")
        text = h5py.string_dtype()
        f.create_dataset("provenance", data=json.dumps({"root": os.path.basename(path), "nodes": {}}), dtype=text)
        f.create_dataset("image", data=list(images), dtype=text)
        f.create_dataset("image_sha256", data=["sha-" + i for i in images], dtype=text)
        f["fold"] = np.asarray(fold, "i2")
        if runs is not None:
            f["run"] = np.asarray(runs, "i4")
        f.create_dataset("layer", data=["features.2", "features.5"], dtype=text)
        f["alpha_grid"] = np.logspace(-1, 7, 9)
        if method != "untuned":
            f.create_dataset("tuned/image", data=list(tuned), dtype=text)
            f.create_dataset("tuned/sha256", data=["sha-" + i for i in tuned], dtype=text)
        for (hemisphere, roi_class, roi), (vertex, prediction, response, ceiling) in rois.items():
            g = f.create_group(f"results/{hemisphere}/{roi_class}/{roi}")
            g.attrs.update(hemisphere=hemisphere, roi_class=roi_class, roi=roi, chosen_layer="features.5")
            g["voxel"] = np.arange(len(vertex), dtype="i4")
            g["vertex"] = np.asarray(vertex, "i4")
            g["cv_r"] = np.zeros((2, len(vertex)), "f4")
            g["alpha"] = np.ones((2, len(vertex)))
            g["prediction"] = prediction.astype("f4")
            g["response"] = response.astype("f4")
            if ceiling is not None:
                g["noise_ceiling"] = ceiling.astype("f4")
        f.attrs["complete"] = np.int64(1)


def run(*args):
    done = subprocess.run([TOOL, "-q", *args], check=True, capture_output=True, text=True)
    return list(csv.DictReader(io.StringIO(done.stdout), delimiter="\t"))


def r_of(p, y, folds):
    out = []
    for f in np.unique(folds):
        a, b = p[folds == f] - p[folds == f].mean(0), y[folds == f] - y[folds == f].mean(0)
        out.append((a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0)))
    return np.mean(out, 0)


def standardised(x, folds):
    out = np.empty_like(x)
    for f in np.unique(folds):
        part = x[folds == f]
        out[folds == f] = (part - part.mean(0)) / part.std(0)
    return out


def permutation_p(rng, p, q, y, folds, times):
    # Values are exchanged, so both models' must have one scale.
    p, q = standardised(p, folds), standardised(q, folds)
    d = (r_of(q, y, folds) - r_of(p, y, folds)).mean()
    beyond = 0
    for _ in range(times):
        swap = rng.integers(0, 2, (len(y), 1)).astype(bool)
        a, b = np.where(swap, q, p), np.where(swap, p, q)
        beyond += abs((r_of(b, y, folds) - r_of(a, y, folds)).mean()) >= abs(d) - 1e-12
    return (1 + beyond) / (1 + times)


def bootstrap(rng, p, q, y, folds, times):
    out = []
    for _ in range(times):
        rows = np.concatenate([rng.choice(np.flatnonzero(folds == f), (folds == f).sum())
                               for f in np.unique(folds)])
        out.append((r_of(q[rows], y[rows], folds[rows]) - r_of(p[rows], y[rows], folds[rows])).mean())
    return np.percentile(out, [2.5, 97.5])


def simulate(rng, n, voxels, gain):
    signal = rng.standard_normal((n, voxels))
    y = (signal + 1.2 * rng.standard_normal((n, voxels))).astype("f4").astype(float)
    shared = rng.standard_normal((n, 1))
    p = (0.5 * signal + 0.5 * rng.standard_normal((n, voxels)) + 0.3 * shared).astype("f4").astype(float)
    q = (0.5 * signal + gain * y + 0.5 * rng.standard_normal((n, voxels))).astype("f4").astype(float)
    return p, q, y


def check_table(folder, folds, protocol):
    rng = np.random.default_rng(3)
    n, voxels = len(folds), 40
    p, q, y = simulate(rng, n, voxels, 0.05)
    vertex, ceiling = np.arange(100, 100 + voxels), rng.uniform(0.2, 0.9, voxels)
    ceiling[4] = 0
    images = [f"t:{i:03d}" for i in range(n)]
    # The second file has images and voxels in another order.
    rows, columns = rng.permutation(n), rng.permutation(voxels)
    key = ("lh", "prf-visualrois", "V1v")
    a, b, out = (os.path.join(folder, protocol + name) for name in ("a.h5", "b.h5", "out.h5"))
    reported = int(protocol != "held-out")
    write(a, {key: (vertex, p, y, ceiling)}, images, folds, protocol=protocol, optimistic=reported)
    write(b, {key: (vertex[columns], q[rows][:, columns], y[rows][:, columns], ceiling[columns])},
          [images[i] for i in rows], folds[rows], "infonce", protocol, ["t:other"], reported)
    table = run("--model", f"untuned={a}", "--model", f"tuned={b}", "-o", out, "--overwrite",
                "--permutations", "4000", "--bootstrap", "4000")
    assert [row["model"] for row in table] == ["untuned", "tuned"]
    close = lambda found, wanted, off=1e-5: abs(float(found) - wanted) <= off or sys.exit(f"{found} {wanted}")
    r = [r_of(p, y, folds), r_of(q, y, folds)]
    for row, one in zip(table, r):
        r2 = np.maximum(one, 0) ** 2
        share = np.minimum(1, r2 / np.where(ceiling > 0, ceiling.astype("f4"), 1e-14))
        close(row["mean_r"], one.mean()), close(row["median_r"], np.median(one)), close(row["mean_r2"], r2.mean())
        close(row["challenge_score"], share.mean()), close(row["median_challenge_score"], np.median(share))
        # Nothing is hidden: scores above their ceiling are counted, one of 0 among them, and not capped.
        real = r2[ceiling > 0] / ceiling[ceiling > 0].astype("f4")
        close(row["share_of_ceiling"], real.mean()), close(row["median_share_of_ceiling"], np.median(real))
        above = int((r2 > ceiling.astype("f4")).sum())
        assert above >= 2 and int(float(row["above_ceiling"])) == above, (above, row["above_ceiling"])
        close(row["ceiling_r"], np.sqrt(ceiling).mean())
        assert int(row["optimistic"]) == reported and int(row["images"]) == n and int(row["voxels"]) == voxels
    tuned = table[1]
    close(tuned["share_improved"], (r[1] > r[0]).mean())
    close(tuned["difference"], (r[1] - r[0]).mean())
    times = 1500
    p_value = permutation_p(rng, p, q, y, folds, times)
    error = np.sqrt(max(p_value * (1 - p_value), 1 / times) * (1 / times + 1 / 4000))
    close(tuned["p_value"], p_value, 4 * error + 1 / times)
    low, high = bootstrap(rng, p, q, y, folds, times)
    close(tuned["difference_low"], low, 0.1 * (high - low)), close(tuned["difference_high"], high, 0.1 * (high - low))
    with h5py.File(out) as f:
        assert f.attrs["kind"] == "evaluation" and f.attrs["complete"] == 1
        group = f["results/subj01/lh/prf-visualrois/V1v"]
        assert np.array_equal(group["vertex"][:], vertex)
        for i in range(2):
            assert np.abs(group["r"][i] - r[i]).max() < 2e-6
            assert np.abs(group["r2"][i] - np.maximum(r[i], 0) ** 2).max() < 2e-6
        assert abs(f["table/p_value"][0, 1] - float(tuned["p_value"])) < 1e-6
        assert np.isnan(f["table/p_value"][0, 0])
    import xarray
    with xarray.open_dataset(out, group="table", engine="h5netcdf") as table_again:
        assert table_again["mean_r"].dims == ("row", "model")
    print(f"{protocol}: p {tuned['p_value']} (reference {p_value:.4f}), "
          f"interval {tuned['difference_low']} {tuned['difference_high']} (reference {low:.6f} {high:.6f})")


def check_null(folder, scale, offset):
    """Two models of equal worth: p is uniform, though voxels share noise and the second
    model's predictions are on another scale, as those of a stronger penalty are."""
    rng = np.random.default_rng(11)
    n, regions, voxels = 80, 300, 12
    images = [f"t:{i:03d}" for i in range(n)]
    rois = [{}, {}]
    for i in range(regions):
        common = rng.standard_normal((n, 1))
        y = common + rng.standard_normal((n, voxels))
        for roi in rois:
            error = rng.standard_normal((n, 1)) + 0.5 * rng.standard_normal((n, voxels))
            unit = (scale, offset) if roi is rois[1] else (1, 0)
            roi["lh", "x", f"R{i}"] = (np.arange(voxels), unit[0] * (common + error) + unit[1], y, None)
    a, b = os.path.join(folder, "null_a.h5"), os.path.join(folder, "null_b.h5")
    write(a, rois[0], images, -np.ones(n))
    write(b, rois[1], images, -np.ones(n), "mse", tuned=["t:other"])
    out = os.path.join(folder, "null.h5")
    table = run("--model", f"a={a}", "--model", f"b={b}", "--permutations", "400", "--bootstrap", "400", "-o", out, "--overwrite")
    of = lambda name: np.array([float(row[name]) for row in table if row["model"] == "b"])
    p, share, covered = of("p_value"), of("share_p_value"), (of("difference_low") <= 0) & (of("difference_high") >= 0)
    assert len(p) == regions
    # Kolmogorov–Smirnov distance; its 1 % point is 1.63 / sqrt(regions).
    distance = np.abs(np.sort(p) - (np.arange(regions) + 0.5) / regions).max()
    assert distance < 1.63 / np.sqrt(regions), distance
    # The share of 12 voxels takes few values, so its p is discrete: at most uniform.
    above = (np.arange(1, regions + 1) / regions - np.sort(share)).max()
    assert above < 1.63 / np.sqrt(regions), above
    with h5py.File(out) as f:
        voxel = np.concatenate([f[f"results/subj01/lh/x/R{i}/difference_p_value"][1] for i in range(regions)])
    # Voxels of a region share noise: 300 independent values at least.
    each = np.abs(np.sort(voxel) - (np.arange(len(voxel)) + 0.5) / len(voxel)).max()
    assert each < 1.63 / np.sqrt(regions), each
    below = (p <= 0.05).mean()
    assert 0.01 <= below <= 0.10, below
    # 95 % less .02 for percentile intervals at 80 images, and three standard errors of a share of 300.
    assert 0.93 - 0.04 < covered.mean() < 0.95 + 0.04, covered.mean()
    print(f"null, scale {scale}, offset {offset}: distance from uniform {distance:.3f}, voxels {each:.3f}, share {above:.3f}; below .05 {below:.3f}, intervals over 0 {covered.mean():.3f}")


def check_union(folder):
    """A model tuned to a union against one that was encoded region by region: paired by vertex."""
    rng = np.random.default_rng(5)
    n = 70
    p, q, y = simulate(rng, n, 30, 0.05)
    images = [f"t:{i:03d}" for i in range(n)]
    vertex = np.arange(200, 230)
    part = lambda x, which: (vertex[which], x[:, which], y[:, which], None)
    a, b = os.path.join(folder, "parts.h5"), os.path.join(folder, "union.h5")
    first, second = np.arange(0, 12), np.arange(12, 30)
    write(a, {("lh", "x", "A"): part(p, first), ("lh", "x", "B"): part(p, second)}, images, -np.ones(n))
    mixed = rng.permutation(30)
    write(b, {("lh", "x", "B+A"): part(q, mixed)}, images, -np.ones(n), "infonce", tuned=["t:other"])
    table = run("--model", f"parts={a}", "--model", f"union={b}", "--permutations", "200", "--bootstrap", "0")
    rows = {(row["roi"], row["model"]): row for row in table}
    assert set(rows) == {("A", "parts"), ("B", "parts"), ("B+A", "parts"), ("B+A", "union")}, set(rows)
    for model, x in (("parts", p), ("union", q)):
        wanted = r_of(x, y, -np.ones(n)).mean()
        assert abs(float(rows["B+A", model]["mean_r"]) - wanted) < 1e-5
    # The order of a union's parts is nothing.
    turned = os.path.join(folder, "turned.h5")
    write(turned, {("lh", "x", "A+B"): part(p, mixed)}, images, -np.ones(n))
    both = run("--model", f"a={turned}", "--model", f"b={b}", "--permutations", "200", "--bootstrap", "0")
    assert [(row["roi"], row["model"]) for row in both] == [("A+B", "a"), ("A+B", "b")], both
    # And a model of which nothing can be paired is refused.
    c = os.path.join(folder, "other.h5")
    write(c, {("rh", "x", "A"): part(q, first)}, images, -np.ones(n), "infonce", tuned=["t:other"])
    done = subprocess.run([TOOL, "-q", "--model", f"parts={a}", "--model", f"c={c}"], capture_output=True, text=True)
    assert done.returncode == 3 and "has no ROI that" in done.stderr, done.stderr


def check_sets(folder):
    """Means over regions: the order of images in the files is nothing, a model against itself has nothing, and regions
    with other images have no common resamples."""
    rng = np.random.default_rng(8)
    n = 80
    p, q, y = simulate(rng, n, 20, 0.05)
    images = np.array([f"t:{i:03d}" for i in range(n)])
    at = lambda name: os.path.join(folder, f"set-{name}.h5")
    roi = lambda name, x, order: {("lh", "x", name): (np.arange(20), x[order], y[order], None)}
    plain, mixed, fewer = np.arange(n), rng.permutation(n), np.arange(60)
    for name, region, x, order, method in (("a", "A", p, plain, "untuned"), ("b", "B", p, plain, "untuned"), ("b-mixed", "B", p, mixed, "untuned"), ("b-fewer", "B", p, fewer, "untuned"),
                                           ("c", "A", q, plain, "mse"), ("d", "B", q, plain, "mse"), ("d-fewer", "B", q, fewer, "mse"), ("e", "A", p, plain, "mse"), ("f", "B", p, plain, "mse")):
        write(at(name), roi(region, x, order), images[order], -np.ones(len(order)), method, tuned=["t:other"])

    def sets(reference, model):
        out = at("evaluation")
        done = subprocess.run([TOOL, "--model", "r=" + ",".join(map(at, reference)), "--model", "m=" + ",".join(map(at, model)), "--permutations", "200",
                               "--bootstrap", "200", "--overwrite", "-o", out], check=True, capture_output=True, text=True)
        with h5py.File(out) as f:
            which = list(f["sets/set"].asstr()[:]).index("all")
            return done.stderr, {k: f[f"sets/{k}"][which] for k in ("difference", "difference_low", "difference_high", "p_value", "share_p_value", "rois")}

    _, straight = sets(["a", "b"], ["c", "d"])
    said, turned = sets(["a", "b-mixed"], ["c", "d"])
    assert straight["rois"] == 2 and straight == turned and "different images" not in said, (straight, turned)
    _, same = sets(["a", "b"], ["e", "f"])
    assert same["difference"] == 0 and same["p_value"] == 1 and same["share_p_value"] == 1, same
    said, other = sets(["a", "b-fewer"], ["c", "d-fewer"])
    assert np.isfinite(other["difference"]) and np.isnan(other["difference_low"]) and np.isnan(other["p_value"]) and "different images" in said, (other, said)


def check_voxels(folder):
    """Per voxel: p is uniform where nothing is predicted, intervals cover a known r at their rate,
    q is Benjamini and Hochberg's, for r and for the difference of two models."""
    rng = np.random.default_rng(21)
    n, voxels, rho = 160, 1200, 0.45
    images = [f"t:{i:03d}" for i in range(n)]
    y = rng.standard_normal((n, voxels))
    p = rho * y + np.sqrt(1 - rho**2) * rng.standard_normal((n, voxels))
    null = rng.standard_normal((n, voxels))
    a, b, out = (os.path.join(folder, name) for name in ("voxels_a.h5", "voxels_b.h5", "voxels.h5"))
    roi = lambda x: {("lh", "x", "R"): (np.arange(voxels), x, y, None)}
    write(a, roi(null), images, -np.ones(n))
    write(b, roi(p), images, -np.ones(n), "mse", tuned=["t:other"])
    run("--model", f"a={a}", "--model", f"b={b}", "-o", out, "--permutations", "999", "--bootstrap", "999")
    with h5py.File(out) as f:
        group = f["results/subj01/lh/x/R"]
        get = {name: group[name][:] for name in group}
    uniform = np.abs(np.sort(get["p_value"][0]) - (np.arange(voxels) + 0.5) / voxels).max()
    assert uniform < 1.63 / np.sqrt(voxels), uniform  # Kolmogorov–Smirnov at 1 %
    assert (get["q_value"][0] <= 0.05).mean() < 0.01 and (get["q_value"][1] <= 0.05).all()
    order = np.argsort(get["p_value"][1])
    wanted = np.minimum.accumulate((get["p_value"][1][order] * voxels / np.arange(1, voxels + 1))[::-1])[::-1]
    assert np.allclose(get["q_value"][1][order], wanted)
    # Percentile intervals of r at 160 images cover a little less than they say: .95 less .01, and
    # three standard errors of a share of 1,200.
    covered = ((get["r_low"][1] <= rho) & (rho <= get["r_high"][1])).mean()
    assert 0.95 - 0.01 - 0.019 < covered < 0.95 + 0.019, covered
    covered_zero = ((get["r_low"][0] <= 0) & (0 <= get["r_high"][0])).mean()
    assert 0.95 - 0.01 - 0.019 < covered_zero < 0.95 + 0.019, covered_zero
    gain = ((get["difference_low"][1] <= rho) & (rho <= get["difference_high"][1])).mean()
    assert 0.95 - 0.01 - 0.019 < gain < 0.95 + 0.019, gain
    assert np.isnan(get["difference"][0]).all() and np.allclose(get["difference"][1], get["r"][1] - get["r"][0], atol=1e-5)
    print(f"voxels: distance from uniform {uniform:.3f}, coverage {covered:.3f} {covered_zero:.3f} {gain:.3f}")


def check_few(folder):
    """Fifty voxels of 3,000 are predicted: they pass the false discovery rate with the default number of
    permutations, for r and for the difference, and hardly any other does."""
    rng = np.random.default_rng(5)
    n, voxels, real = 200, 3000, 50
    images = [f"t:{i:03d}" for i in range(n)]
    y = rng.standard_normal((n, voxels))
    p = rng.standard_normal((n, voxels))
    p[:, :real] = 0.6 * y[:, :real] + 0.8 * p[:, :real]
    a, b, out = (os.path.join(folder, name) for name in ("few_a.h5", "few_b.h5", "few.h5"))
    roi = lambda x: {("lh", "x", "R"): (np.arange(voxels), x, y, None)}
    write(a, roi(rng.standard_normal((n, voxels))), images, -np.ones(n))
    write(b, roi(p), images, -np.ones(n), "mse", tuned=["t:other"])
    run("--model", f"a={a}", "--model", f"b={b}", "-o", out, "--bootstrap", "0")
    with h5py.File(out) as f:
        q, gain, small = f["results/subj01/lh/x/R/q_value"][1], f["results/subj01/lh/x/R/difference_q_value"][1], f["results/subj01/lh/x/R/p_value"][1]
        r = f["results/subj01/lh/x/R/r"][1]
    for name, values in (("r", q), ("difference", gain)):
        assert (values[:real] <= 0.05).mean() > 0.9 and (values[real:] <= 0.05).sum() <= 8, (name, (values[:real] <= 0.05).sum(), (values[real:] <= 0.05).sum())
    # Against the t distribution that r of normal data has: larger, and by not too much.
    from scipy import stats
    exact = stats.t.sf(r[:real] * np.sqrt((n - 2) / (1 - r[:real] ** 2)), n - 2)
    distance = np.log10(small[:real] / exact)
    print(f"few: {(q[:real] <= .05).sum()} of {real} voxels found, log10 of p against Student's t {distance.min():.1f} to {distance.max():.1f} at p {exact.min():.0e} to {exact.max():.0e}")
    assert distance.min() > 0 and small[:real].max() < 1e-3 and np.median(small[:real]) < 1e-6


def check_runs(folder):
    """Predictions know the runs' levels and nothing of the images: p is uniform where images are
    permuted inside runs, equals numpy's, and is far too small across them."""
    rng = np.random.default_rng(33)
    n, voxels, times = 150, 800, 999
    run_of = rng.permutation(np.arange(n) % 10)
    level = rng.standard_normal((10, voxels))[run_of]
    y, p = level + rng.standard_normal((n, voxels)), level + rng.standard_normal((n, voxels))
    path, out = os.path.join(folder, "runs.h5"), os.path.join(folder, "runs_out.h5")
    write(path, {("lh", "x", "R"): (np.arange(voxels), p, y, None)}, [f"t:{i:03d}" for i in range(n)], -np.ones(n), runs=run_of + 1)

    def tested(*more):
        run("--model", f"a={path}", "-o", out, "--overwrite", "--permutations", str(times), "--bootstrap", "0", *more)
        with h5py.File(out) as f:
            group = f["results/subj01/lh/x/R"]
            assert group.attrs["runs"] == (0 if more else 10)
            return group["p_value"][0]

    found = tested()
    uniform = np.abs(np.sort(found) - (np.arange(voxels) + 0.5) / voxels).max()
    assert uniform < 1.63 / np.sqrt(voxels), uniform
    standard = lambda x: (x - x.mean(0)) / x.std(0)
    a, b = standard(p), standard(y)
    beyond = np.zeros(voxels)
    for _ in range(times):
        order = np.arange(n)
        for r in range(10):
            inside = np.flatnonzero(run_of == r)
            order[inside] = rng.permutation(inside)
        beyond += (a * b[order]).sum(0) >= (a * b).sum(0) - 1e-9
    wanted = (1 + beyond) / (1 + times)
    # Two Monte-Carlo estimates of each p.
    z = (found - wanted) / np.sqrt(2 * np.maximum(wanted * (1 - wanted), 1 / times) / times)
    assert np.abs(z).max() < 5, np.abs(z).max()
    across = (tested("--across-runs") <= 0.05).mean()
    assert across > 0.5, across
    print(f"runs: distance from uniform {uniform:.3f}, off from numpy by {np.abs(z).max():.1f} standard errors at most; across runs {across:.2f} below .05")


def check_subjects(folder):
    """Subjects combined: exact sign flips and DerSimonian and Laird's model, against numpy."""
    import itertools

    rng = np.random.default_rng(8)
    n, names = 90, ["subj01", "subj02", "subj03", "subj04", "subj05"]
    images = [f"t:{i:03d}" for i in range(n)]
    first, second = [], []
    for s, name in enumerate(names):
        p, q, y = simulate(rng, n, 15, 0.02 * s)
        for x, files, method in ((p, first, "untuned"), (q, second, "mse")):
            path = os.path.join(folder, f"{name}_{method}.h5")
            write(path, {("lh", "x", "R"): (np.arange(15), x, y, None)}, images, -np.ones(n), method,
                  tuned=[] if method == "untuned" else ["t:other"])
            with h5py.File(path, "a") as f:
                f.attrs["subject"] = name
            files.append(path)
    forest = os.path.join(folder, "forest.tsv")
    table = run("--model", "a=" + ",".join(first), "--model", "b=" + ",".join(second), "--forest", forest)
    lines = [line.split("\t") for line in open(forest).read().splitlines()]
    every = [dict(zip(lines[0], line)) for line in lines[1:]]
    # Per model its mean r, and for the second the gain; five subjects and two combinations each.
    assert [(r["model"], r["quantity"]) for r in every[:21:7]] == [("a", "mean_r"), ("b", "mean_r"), ("b", "difference")]
    # A set of one region is that region.
    assert [(r["roi_class"], r["roi"], r["value"], r["low"]) for r in every[21:]] == [("set", "all", r["value"], r["low"]) for r in every[14:21]]
    for first_row, model in ((0, "a"), (7, "b")):
        alone = [float(r["mean_r"]) for r in table if r["model"] == model]
        assert np.allclose([float(r["value"]) for r in every[first_row:first_row + 5]], alone, atol=1e-6)
        assert abs(float(every[first_row + 5]["value"]) - np.mean(alone)) < 1e-5 and float(every[first_row + 5]["p_value"]) == 2 / 2**5
    rows = every[14:21]
    effect = np.array([float(r["value"]) for r in rows[:5]])
    error = np.array([float(r["high"]) - float(r["low"]) for r in rows[:5]]) / (2 * 1.959963984540054)
    flips = np.array(list(itertools.product([1, -1], repeat=5)))
    wanted = (np.abs(flips @ effect) >= abs(effect.sum()) - 1e-12).mean()
    mean, random = rows[5], rows[6]
    assert mean["subject"] == "mean" and abs(float(mean["p_value"]) - wanted) < 1e-9, (mean, wanted)
    assert abs(float(mean["value"]) - effect.mean()) < 1e-5
    w = 1 / error**2
    q = (w * (effect - (w * effect).sum() / w.sum()) ** 2).sum()
    tau2 = max(0, (q - 4) / (w.sum() - (w**2).sum() / w.sum()))
    w = 1 / (error**2 + tau2)
    estimate, half = (w * effect).sum() / w.sum(), 1.959963984540054 / np.sqrt(w.sum())
    # The table prints six digits.
    for key, value in (("value", estimate), ("low", estimate - half), ("high", estimate + half), ("between_subjects", np.sqrt(tau2)),
                       ("heterogeneity", max(0, (q - 4) / q))):
        assert abs(float(random[key]) - value) < 2e-4 * (1 + abs(value)), (key, random[key], value)
    print(f"subjects: estimate {estimate:.4f} ± {half:.4f}, sign-flip p {wanted:.4f}")


def check_coverage(folder):
    """Intervals of a region's mean r and of the gain hold the truth at their rate: many regions of one
    truth, whose voxels share signal and noise."""
    rng = np.random.default_rng(17)
    n, regions, voxels = 160, 400, 10
    images = [f"t:{i:03d}" for i in range(n)]
    # Prediction, response and a better prediction: unit variances and correlations .4 and .55, whatever is shared.
    rois = [{}, {}]
    for i in range(regions):
        mixed = lambda: np.sqrt(0.5) * (rng.standard_normal((n, 1)) + rng.standard_normal((n, voxels)))
        y = mixed()
        for roi, r in zip(rois, (0.4, 0.55)):
            roi["lh", "x", f"R{i}"] = (np.arange(voxels), r * y + np.sqrt(1 - r**2) * mixed(), y, None)
    a, b = os.path.join(folder, "cover_a.h5"), os.path.join(folder, "cover_b.h5")
    write(a, rois[0], images, -np.ones(n))
    write(b, rois[1], images, -np.ones(n), "mse", tuned=["t:other"])
    table = [row for row in run("--model", f"a={a}", "--model", f"b={b}", "--permutations", "1", "--bootstrap", "600") if row["model"] == "b"]
    of = lambda name: np.array([float(row[name]) for row in table])
    for name, truth in (("mean_r", 0.55), ("difference", 0.15)):
        covered = ((of(f"{name}_low") <= truth) & (truth <= of(f"{name}_high"))).mean()
        # .95 less .015 at 160 images; three standard errors of a share of 400.
        assert 0.935 - 0.033 < covered < 0.95 + 0.033, (name, covered)
        print(f"coverage of {name}: {covered:.3f}")
    # Effect sizes vary over the regions as their intervals say. The jackknife's variance is too large on
    # average, never too small (Efron and Stein 1981); 400 regions give the deviation to 4 %.
    effect, width = of("effect_size"), (of("effect_size_high") - of("effect_size_low")) / (2 * 1.959963984540054)
    assert 0.92 < np.sqrt((width**2).mean()) / effect.std() < 1.35, (np.sqrt((width**2).mean()), effect.std())
    print(f"effect size {effect.mean():.2f}: deviation over regions {effect.std():.3f}, jackknife says {np.sqrt((width**2).mean()):.3f}")


def check_sparse(folder):
    """Units that respond to one scored image alone do not take the others' intervals away."""
    rng = np.random.default_rng(2)
    n, voxels, sparse = 100, 40, 20
    p, q, y = simulate(rng, n, voxels, 0.05)
    y[:, :sparse] = 0
    y[rng.permutation(n)[:sparse], np.arange(sparse)] = 3
    a, b = os.path.join(folder, "sparse_a.h5"), os.path.join(folder, "sparse_b.h5")
    write(a, {("lh", "x", "R"): (np.arange(voxels), p, y, None)}, [f"t:{i:03d}" for i in range(n)], -np.ones(n))
    write(b, {("lh", "x", "R"): (np.arange(voxels), q, y, None)}, [f"t:{i:03d}" for i in range(n)], -np.ones(n), "mse", tuned=["t:other"])
    row = run("--model", f"a={a}", "--model", f"b={b}", "--permutations", "200", "--bootstrap", "2000")[1]
    boot = []
    for _ in range(2000):
        rows = rng.integers(0, n, n)
        vary = y[rows].std(0) > 0
        r = lambda x: r_of(x[rows][:, vary], y[rows][:, vary], np.zeros(n))
        boot.append([r(q).mean(), (r(q) - r(p)).mean()])
    for name, (low, high) in zip(("mean_r", "difference"), np.percentile(boot, [2.5, 97.5], axis=0).T):
        found = float(row[f"{name}_low"]), float(row[f"{name}_high"])
        assert max(abs(found[0] - low), abs(found[1] - high)) < 0.1 * (high - low), (name, found, low, high)
    print(f"sparse units: interval of r {float(row['mean_r_low']):.3f} … {float(row['mean_r_high']):.3f}, numpy's with a tenth of its width")


def check_equal_bytes(folder):
    a, b = os.path.join(folder, "null_a.h5"), os.path.join(folder, "null_b.h5")
    outputs = []
    environment = dict(os.environ, SOURCE_DATE_EPOCH="1700000000")
    for threads in ("1", "2", "5"):
        done = subprocess.run([TOOL, "-q", "--threads", threads, a, b, "--permutations", "300",
                               "--bootstrap", "300"], check=True, capture_output=True, env=environment)
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1] == outputs[2] and outputs[0]


def main():
    with tempfile.TemporaryDirectory() as folder:
        check_table(folder, -np.ones(150, int), "held-out")
        check_table(folder, np.arange(150) % 5, "paper")
        check_union(folder)
        check_sets(folder)
        check_voxels(folder)
        check_few(folder)
        check_runs(folder)
        check_coverage(folder)
        check_sparse(folder)
        check_subjects(folder)
        for scale, offset in ((0.2, 0), (1, 3), (1, 0)):
            check_null(folder, scale, offset)
        check_equal_bytes(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
