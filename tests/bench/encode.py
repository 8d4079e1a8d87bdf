# SPDX-License-Identifier: BSD-3-Clause
"""ridge-encode and cl-finetune against what one would write in Python, in one run.

  tests/bench/encode.py [--bin DIR] [--images 1500] [--voxels 800] [--skip-published] [--himalaya]

(a) the published protocol: a forward pass per layer, fold and use, PCA and ridge per fold
    with scikit-learn. One fold is measured and multiplied by the number of folds.
(b) what a careful user would write: features once, randomized PCA per fold, then
    himalaya's RidgeCV (--himalaya, where that package is installed) or scikit-learn's
    with a penalty per voxel.
(c) an epoch of tuning against PyTorch eager, float32 and bfloat16.
All of it runs with the same number of threads. Prints ratios, peak memory and the share of
the time that matrix products at the machine's own speed would take.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
import torchvision

TAPS = ["features.2", "features.5", "features.7", "features.9", "features.12", "classifier.2", "classifier.5", "classifier.6"]
ALPHAS = np.logspace(-1, 7, 9)
FOLDS, COMPONENTS = 5, 1000


def timed(command):
    """Wall seconds and peak MiB of a whole process."""
    start = time.time()
    done = subprocess.run(["/usr/bin/time", "-f", "PEAK %M", *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return time.time() - start, int(re.search(r"PEAK (\d+)", done.stderr).group(1)) / 1024


def gemm_speed(dtype):
    a = torch.randn(2048, 2048, dtype=dtype)
    torch.mm(a, a)
    start = time.time()
    for _ in range(5):
        torch.mm(a, a)
    return 5 * 2 * 2048**3 / (time.time() - start) / 1e9


def prepare(folder, binaries, images, voxels):
    """A data set of smooth random pictures with responses that depend on them, and AlexNet weights."""
    from PIL import Image

    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    small = rng.integers(0, 256, (images, 16, 16, 3), dtype=np.uint8)
    for i, picture in enumerate(small):
        Image.fromarray(picture).resize((224, 224), Image.BICUBIC).save(folder / "images" / f"{i:05d}.png", compress_level=1)
    y = small.reshape(images, -1)[:, :200] / 128.0 @ rng.standard_normal((200, voxels))
    y = y / y.std(0) + rng.standard_normal(y.shape)
    np.save(folder / "y.npy", y.astype(np.float32))
    torch.manual_seed(0)
    network = torchvision.models.alexnet(weights=None).eval()
    torch.save(network.state_dict(), folder / "alexnet.pth")
    tool = lambda name, *a: subprocess.run([binaries / name, "-q", *map(str, a)], check=True)
    tool("model-convert", folder / "alexnet.pth", "-o", folder / "alexnet.h5")
    tool("nsd-extract", "table", "--images", folder / "images", "--responses", folder / "y.npy", "--namespace", "bench",
         "--size", 224, "-o", folder / "data.h5")
    return network


def load(folder):
    import h5py

    with h5py.File(folder / "data.h5") as file:
        pixels, y, split = file["pixels"][:], file["response_all"][:], file["split"][:]
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = ((torch.from_numpy(pixels).float() / 255 - mean) / std).permute(0, 3, 1, 2).contiguous()
    return x, y, np.flatnonzero(split == 0), np.flatnonzero(split == 1)


def features(network, x, rows, taps):
    from torchvision.models.feature_extraction import create_feature_extractor

    extractor = create_feature_extractor(network, return_nodes={t: t for t in taps})
    out = {t: [] for t in taps}
    with torch.no_grad():
        for batch in np.array_split(rows, max(1, len(rows) // 64)):
            for t, f in extractor(x[batch]).items():
                out[t].append(f.flatten(1).numpy())
    return {t: np.concatenate(f) for t, f in out.items()}


def correlations(p, y):
    p, y = p - p.mean(0), y - y.mean(0)
    return (p * y).sum(0) / np.sqrt((p**2).sum(0) * (y**2).sum(0))


def published(network, x, y, rows):
    """One fold of the published protocol: passes per layer and use, PCA, ridge per penalty."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import Ridge

    order = np.random.default_rng(0).permutation(rows)
    held, fit = order[: len(order) // FOLDS], order[len(order) // FOLDS:]
    for tap in TAPS:
        pca = PCA(min(COMPONENTS, len(fit) - 1)).fit(features(network, x, fit, [tap])[tap])
        a = pca.transform(features(network, x, fit, [tap])[tap])
        b = pca.transform(features(network, x, held, [tap])[tap])
        for alpha in ALPHAS:
            correlations(Ridge(alpha).fit(a, y[fit]).predict(b), y[held])


def careful(network, x, y, train, test, himalaya):
    from sklearn.decomposition import PCA
    from sklearn.linear_model import RidgeCV

    f = features(network, x, np.concatenate([train, test]), TAPS)
    for tap in TAPS:
        a, b = f[tap][: len(train)], f[tap][len(train):]
        folds = np.array_split(np.random.default_rng(0).permutation(len(train)), FOLDS)
        for held in [*folds, None]:
            fit = np.arange(len(train)) if held is None else np.setdiff1d(np.arange(len(train)), held)
            pca = PCA(min(COMPONENTS, len(fit) - 1, a.shape[1]), svd_solver="randomized", random_state=0).fit(a[fit])
            scores, other = pca.transform(a[fit]), pca.transform(b if held is None else a[held])
            if himalaya:
                from himalaya.ridge import RidgeCV as Solver
                Solver(alphas=ALPHAS, cv=FOLDS).fit(scores, y[train][fit]).predict(other)
            else:
                RidgeCV(ALPHAS, alpha_per_target=True).fit(scores, y[train][fit]).predict(other)


def eager_epoch(network, x, y, rows, batch, bfloat16):
    voxels = y.shape[1]
    h, z = int(0.8 * voxels), int(0.2 * voxels)
    n = torch.nn
    image, response = n.Linear(1000, h, bias=False), n.Linear(voxels, h, bias=False)
    head = n.Sequential(n.Linear(h, h), n.BatchNorm1d(h), n.ReLU(), n.Linear(h, h), n.BatchNorm1d(h), n.ReLU(), n.Linear(h, z, bias=False))
    network.train()
    adam = torch.optim.Adam([*network.parameters(), *image.parameters(), *response.parameters(), *head.parameters()], lr=1e-4)
    targets = torch.from_numpy(y)
    start = time.time()
    for which in np.array_split(np.random.default_rng(0).permutation(rows), -(-len(rows) // batch)):
        adam.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            logits = network(x[which])
        a, b = head(image(logits.float())), head(response(targets[which]))
        s = torch.nn.functional.normalize(a) @ torch.nn.functional.normalize(b).T / 0.3
        torch.nn.functional.cross_entropy(s, torch.arange(len(which))).backward()
        adam.step()
    network.eval()
    return time.time() - start


def our_epoch(tool, folder, batch, precision):
    """Seconds of one epoch: a run of two minus a run of one."""
    seconds = []
    for epochs in (1, 2):
        seconds.append(timed([tool, folder / "data.h5", "--weights", folder / "alexnet.h5", "--hemi", "all", "--roi", "all", "--epochs",
                              epochs, "--batch", batch, "--precision", precision, "--overwrite", "-q", "-o", folder / "tuned.h5"])[0])
    return seconds[1] - seconds[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2] / "build/release/bin")
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--voxels", type=int, default=800)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--skip-published", action="store_true")
    parser.add_argument("--skip-tuning", action="store_true")
    parser.add_argument("--himalaya", action="store_true")
    o = parser.parse_args()
    # Debian's PyTorch starts with one thread.
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    sgemm, dgemm = gemm_speed(torch.float32), gemm_speed(torch.float64)
    print(f"threads {torch.get_num_threads()}, sgemm {sgemm:.0f} GFLOP/s, dgemm {dgemm:.0f} GFLOP/s")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        network = prepare(folder, o.bin, o.images, o.voxels)
        x, y, train, test = load(folder)
        ours, peak = timed([o.bin / "ridge-encode", folder / "data.h5", folder / "alexnet.h5", "-q", "-o", folder / "enc.h5"])
        # Convolutions 1.43 GFLOP an image, half a square product per layer's Gram matrix.
        n, d = len(x), 205672
        products = (1.43e9 * n + n * n * d) / (sgemm * 1e9)
        print(f"ridge-encode: {ours:.1f} s, peak {peak:.0f} MiB; passes and Gram matrices at sgemm speed {products:.1f} s "
              f"({100 * products / ours:.0f} %)")
        start = time.time()
        careful(network, x, y, train, test, o.himalaya)
        b = time.time() - start
        print(f"(b) features once, randomized PCA, {'himalaya' if o.himalaya else 'scikit-learn RidgeCV'}: {b:.0f} s, ratio {b / ours:.1f}")
        if not o.skip_published:
            start = time.time()
            published(network, x, y, train)
            a = (time.time() - start) * FOLDS
            print(f"(a) published protocol: {a:.0f} s ({FOLDS} times one fold), ratio {a / ours:.1f}")
        if o.skip_tuning:
            return
        eager = eager_epoch(network, x, y, train, o.batch, False)
        for precision in ("float32", "bfloat16"):
            mine = our_epoch(o.bin / "cl-finetune", folder, o.batch, precision)
            print(f"(c) epoch, {precision}: {mine:.1f} s; eager float32 {eager:.1f} s, ratio {eager / mine:.2f}")


main()
