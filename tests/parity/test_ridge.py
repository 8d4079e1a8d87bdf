# SPDX-License-Identifier: BSD-3-Clause
"""PCA and ridge of the encoding model against scikit-learn in float64.

Reference: PCA(svd_solver="full"; for few components of many "arpack", which finds the same ones) fitted on the images of the fold, Ridge(alpha) with
intercept on its scores, alpha per voxel by the mean r over folds, a refit on all
cross-validation images. Tolerances: predictions 1e-4 of the response's standard
deviation, cross-validated r 1e-4, the same alpha for 99.9 % of voxels; the fast solver
r 1e-3 and the same alpha for 99.9 %.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

DRIVER = os.path.join(os.environ["CORTUNE_BIN"], "ridge_driver")
ALPHAS = np.logspace(-1, 7, 9)
FOLDS = 5


def features(rng, n, d, dead=0):
    """Positive, far from zero, correlated, of a falling spectrum; `dead` columns are constant."""
    latent = rng.standard_normal((n, min(d, 600))) * np.arange(1, min(d, 600) + 1) ** -0.5
    mixing = rng.standard_normal((latent.shape[1], d))
    x = np.maximum(latent @ mixing * 4 + 6 + rng.standard_normal((n, d)), 0)
    if dead:
        x[:, -dead:] = 3.25
    return x.astype(np.float32)


def responses(rng, x, voxels):
    z = (x - x.mean(0)) / (x.std(0) + 1e-3)
    signal = z @ rng.standard_normal((x.shape[1], voxels))
    signal /= signal.std(0)
    noise = rng.uniform(0.3, 3, voxels)
    return (signal + noise * rng.standard_normal(signal.shape)).astype(np.float32)


def columns_r(a, b):
    a, b = a - a.mean(0), b - b.mean(0)
    return (a * b).sum(0) / np.sqrt((a * a).sum(0) * (b * b).sum(0))


def fit_predict(x, y, target, k, alphas):
    pca = PCA(n_components=k, svd_solver="arpack" if 10 * k < min(x.shape) else "full", random_state=0).fit(x)
    scores, others = pca.transform(x), pca.transform(target)
    return [Ridge(alpha=a).fit(scores, y).predict(others) for a in alphas]


def reference(x, y, fold, components):
    x, y = x.astype(np.float64), y.astype(np.float64)
    cv = fold >= 0
    r = np.zeros((len(ALPHAS), y.shape[1]))
    in_fold = np.full((len(ALPHAS), cv.sum(), y.shape[1]), np.nan)
    for f in range(FOLDS):
        fit, val = cv & (fold != f), cv & (fold == f)
        k = min(components, fit.sum() - 1, x.shape[1])
        for a, p in enumerate(fit_predict(x[fit], y[fit], x[val], k, ALPHAS)):
            r[a] += columns_r(p, y[val]) / FOLDS
            in_fold[a, fold[cv] == f] = p
    best = r.argmax(0)  # the first maximum: the smaller alpha wins ties
    voxels = np.arange(y.shape[1])
    if cv.all():
        return r.max(0), ALPHAS[best], in_fold[best, :, voxels].T
    k = min(components, cv.sum() - 1, x.shape[1])
    all_alphas = np.array(fit_predict(x[cv], y[cv], x[~cv], k, ALPHAS))
    return r.max(0), ALPHAS[best], all_alphas[best, :, voxels].T


def ours(x, y, fold, components, mode, threads=2):
    with tempfile.TemporaryDirectory() as folder:
        put = lambda name, values, kind: np.ascontiguousarray(values, kind).tofile(os.path.join(folder, name))
        scored = int((fold < 0).sum())
        put("sizes.i64", [x.shape[0], x.shape[1], y.shape[1], FOLDS, scored], "<i8")
        put("x.f32", x, "<f4")
        put("y.f32", y.T, "<f4")
        put("fold.i64", fold, "<i8")
        subprocess.run([DRIVER, folder, mode, str(components), str(threads)], check=True,
                       stdout=subprocess.DEVNULL)
        get = lambda name, kind: np.fromfile(os.path.join(folder, name), kind)
        rows = scored or len(fold)
        voxels = y.shape[1]
        values = get("values.f64", "<f8")
        fitted = int((fold >= 0).sum())
        return {
            "r": get("cv_r.f32", "<f4"), "alpha": get("alpha.f64", "<f8"),
            "prediction": get("prediction.f32", "<f4").reshape(voxels, rows).T, "values": values,
            "vectors": get("vectors.f64", "<f8").reshape(len(values), fitted).T,
            "coef": get("coef.f32", "<f4").reshape(voxels, len(values)).T,
            "intercept": get("intercept.f32", "<f4"),
        }


def from_weights(x, fold, fit):
    """Predictions of the scored images from mean, basis, coefficients and intercept."""
    x = x.astype(np.float64)
    cv = fold >= 0
    mean = x[cv].mean(0)
    basis = (x[cv] - mean).T @ fit["vectors"] / np.sqrt(fit["values"])
    return fit["intercept"] + (x[~cv] - mean) @ basis @ fit["coef"]


def case(name, n, d, voxels, components, scored, mode="exact", dead=0, tolerance=1e-4):
    rng = np.random.default_rng(len(name) + n + d)
    x = features(rng, n, d, dead)
    y = responses(rng, x, voxels)
    fold = rng.integers(0, FOLDS, n)
    fold[rng.permutation(n)[:scored]] = -1
    broken = y.copy()
    broken[:, 0] = 1.7          # constant
    broken[np.flatnonzero(fold >= 0)[3], 1] = np.nan  # of a fitting image
    got = ours(x, broken, fold, components, mode)
    assert np.isnan(got["r"][:2]).all() and np.isnan(got["prediction"][:, :2]).all(), name
    r, alpha, prediction = reference(x, y[:, 2:], fold, components)
    same = np.isclose(got["alpha"][2:], alpha)
    worst = (np.abs(got["prediction"][:, 2:] - prediction) / y[:, 2:].std(0))[:, same].max()
    r_off = np.abs(got["r"][2:] - r).max()
    print(f"{name}: alpha equal {same.mean():.4f}, r off by {r_off:.1e}, predictions by {worst:.1e}")
    assert same.mean() >= 0.999, name
    assert r_off < tolerance, name
    if mode == "exact":
        assert worst < 1e-4, name
    # What is reported: r of the scored images.
    if scored:
        truth = y[fold < 0][:, 2:]
        held_off = np.abs(columns_r(got["prediction"][:, 2:].astype(float), truth) - columns_r(prediction, truth)).max()
        print(f"{name}: held-out r off by {held_off:.1e}")
        assert held_off < (1e-4 if mode == "exact" else 1e-3), name
    if scored and mode == "exact":
        again = from_weights(x, fold, got)[:, 2:]
        off = (np.abs(again - got["prediction"][:, 2:]) / y[:, 2:].std(0)).max()
        assert off < 1e-4, (name, off)
    return got


def main():
    case("wide, every component", 500, 2500, 1002, 1000, 80)
    case("wide, few components", 500, 2500, 1002, 120, 80)
    case("narrow", 500, 200, 1002, 1000, 80)
    case("narrow with dead units", 500, 200, 1002, 1000, 80, dead=50)
    # Fewer live units than images in a wide layer: rank, not width, is what float32 products blur.
    case("wide with dead units", 500, 4096, 1002, 1000, 80, dead=3800)
    case("folds reported", 400, 1200, 1002, 1000, 0)
    case("fast", 1500, 3000, 1002, 100, 150, mode="fast", tolerance=1e-3)
    case("automatic", 2050, 2100, 1002, 60, 150, mode="automatic", tolerance=1e-3)
    return 0


if __name__ == "__main__":
    sys.exit(main())
