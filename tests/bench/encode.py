# SPDX-License-Identifier: BSD-3-Clause
"""ridge-encode and cl-finetune against what one would write in Python, in one run.

  tests/bench/encode.py [--bin DIR] [--images 1500] [--voxels 800] [--himalaya]
                        [--skip-encoding] [--skip-published] [--skip-tuning] [--device cuda]

(a) the published protocol: a forward pass per layer, fold and use, PCA and ridge per fold
    with scikit-learn. One fold is measured and multiplied by the number of folds.
(b) what a careful user would write: features once, randomized PCA per fold, then
    himalaya's RidgeCV (--himalaya, where that package is installed) or scikit-learn's
    with a penalty per voxel.
(c) an epoch of tuning against PyTorch eager, float32 and bfloat16: medians of three, after
    one to warm up, on both sides.
With --device cuda both sides compute on the GPU, and (b) does its PCA and himalaya there, too.
All of it runs with the same number of threads and the same OpenBLAS kernel. Prints ratios
beside their goals, peak memory, and per phase its time and the share of it that its matrix
products would take at the speed measured on this machine.
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
    """Wall seconds, peak MiB and stderr of a whole process."""
    with tempfile.TemporaryFile("w+") as said:
        start = time.time()
        process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.time() - start
        said.seek(0)
        log = said.read()
    if status:
        sys.exit(log)
    return seconds, usage.ru_maxrss / 1024, log


def same_blas_kernel():
    """The tools take OpenBLAS's AVX-512 kernel where the library, being older than the
    processor, chose a narrower one; the baselines get it, too."""
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    if "OPENBLAS_CORETYPE" not in os.environ and all(f in flags for f in ("avx512f", "avx512bw", "avx512dq", "avx512vl")):
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"
        os.execv(sys.executable, [sys.executable, *sys.argv])


def verdict(what, ratio, goal):
    print(f"{what}: ratio {ratio:.1f}, goal {goal}: {'met' if ratio >= goal else 'NOT MET'}")


def wait(device):
    if device != "cpu":
        torch.cuda.synchronize()


def gemm_speed(dtype, device="cpu"):
    n = 2048 if device == "cpu" else 8192
    a = torch.randn(n, n, dtype=dtype, device=device)
    times = []
    for _ in range(6):
        start = time.time()
        torch.mm(a, a)
        wait(device)
        times.append(time.time() - start)
    return 2 * n**3 / np.median(times[1:]) / 1e9


def phases(log, images, fit, voxels, forward, sgemm, dgemm):
    """Where our time went: (name, seconds, seconds of its products at full speed)."""
    total = lambda pattern: sum(float(x) for x in re.findall(pattern, log))
    k = min(COMPONENTS, fit)
    fold = fit * (FOLDS - 1) // FOLDS
    # Of the eigensolves the share that LAPACK could at best do as products: 4/3 n³ to tridiagonal
    # form (half of it products), up to 8/3 n³ for the vectors, and n² k twice for the scores.
    solves = len(TAPS) * (FOLDS * 4 * fold**3 + 4 * fit**3)
    ridge = len(TAPS) * FOLDS * (2 * fold * k * voxels + 2 * (fit - fold) * len(ALPHAS) * k * voxels)
    return [("forward pass", total(r"forward pass ([\d.]+) s"), 1.43e9 * images / forward / 1e9),
            ("Gram matrices", total(r"Gram matrix ([\d.]+) s"), images**2 * 205672 / sgemm / 1e9),
            ("decompositions", total(r"decompositions ([\d.]+) s"), solves / dgemm / 1e9),
            ("ridge", total(r"voxels ([\d.]+) s"), ridge / sgemm / 1e9)]


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


def features(network, x, rows, taps, device):
    from torchvision.models.feature_extraction import create_feature_extractor

    network.to(device)
    extractor = create_feature_extractor(network, return_nodes={t: t for t in taps})
    out = {t: [] for t in taps}
    with torch.no_grad():
        for batch in np.array_split(rows, max(1, len(rows) // 64)):
            for t, f in extractor(x[batch].to(device)).items():
                out[t].append(f.flatten(1).cpu().numpy())
    return {t: np.concatenate(f) for t, f in out.items()}


def correlations(p, y):
    p, y = p - p.mean(0), y - y.mean(0)
    return (p * y).sum(0) / np.sqrt((p**2).sum(0) * (y**2).sum(0))


def published(network, x, y, rows, device):
    """One fold of the published protocol: passes per layer and use, PCA, ridge per penalty."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import Ridge

    order = np.random.default_rng(0).permutation(rows)
    held, fit = order[: len(order) // FOLDS], order[len(order) // FOLDS:]
    for tap in TAPS:
        pca = PCA(min(COMPONENTS, len(fit) - 1)).fit(features(network, x, fit, [tap], device)[tap])
        a = pca.transform(features(network, x, fit, [tap], device)[tap])
        b = pca.transform(features(network, x, held, [tap], device)[tap])
        for alpha in ALPHAS:
            correlations(Ridge(alpha).fit(a, y[fit]).predict(b), y[held])


def components(fit, other, k, device):
    """Scores on the first k principal components of `fit`, by a randomized decomposition."""
    if device == "cpu":
        from sklearn.decomposition import PCA
        pca = PCA(k, svd_solver="randomized", random_state=0).fit(fit)
        return pca.transform(fit), pca.transform(other)
    fit, other = torch.from_numpy(fit).to(device), torch.from_numpy(other).to(device)
    mean = fit.mean(0)
    basis = torch.pca_lowrank(fit - mean, k, center=False, niter=4)[2]
    return (fit - mean) @ basis, (other - mean) @ basis


def solver(himalaya, device):
    if not himalaya:
        from sklearn.linear_model import RidgeCV
        return RidgeCV(ALPHAS, alpha_per_target=True)
    from himalaya.backend import set_backend
    from himalaya.ridge import RidgeCV
    set_backend("numpy" if device == "cpu" else "torch_cuda")
    return RidgeCV(alphas=ALPHAS, cv=FOLDS)


def careful(network, x, y, train, test, himalaya, device):
    f = features(network, x, np.concatenate([train, test]), TAPS, device)
    on_device = device if himalaya else "cpu"
    for tap in TAPS:
        a, b = f[tap][: len(train)], f[tap][len(train):]
        folds = np.array_split(np.random.default_rng(0).permutation(len(train)), FOLDS)
        for held in [*folds, None]:
            fit = np.arange(len(train)) if held is None else np.setdiff1d(np.arange(len(train)), held)
            scores, other = components(a[fit], b if held is None else a[held], min(COMPONENTS, len(fit) - 1, a.shape[1]), on_device)
            solver(himalaya, on_device).fit(scores, y[train][fit]).predict(other)
    wait(device)


def eager_epoch(network, x, y, rows, batch, bfloat16, device):
    voxels = y.shape[1]
    h, z = int(0.8 * voxels), int(0.2 * voxels)
    n = torch.nn
    image, response = n.Linear(1000, h, bias=False), n.Linear(voxels, h, bias=False)
    head = n.Sequential(n.Linear(h, h), n.BatchNorm1d(h), n.ReLU(), n.Linear(h, h), n.BatchNorm1d(h), n.ReLU(), n.Linear(h, z, bias=False))
    network.to(device).train()
    for part in (image, response, head):
        part.to(device)
    adam = torch.optim.Adam([*network.parameters(), *image.parameters(), *response.parameters(), *head.parameters()], lr=1e-4)
    x, targets = x.to(device), torch.from_numpy(y).to(device)
    times = []
    for _ in range(4):
        start = time.time()
        for which in np.array_split(np.random.default_rng(0).permutation(rows), -(-len(rows) // batch)):
            adam.zero_grad()
            with torch.autocast(device, dtype=torch.bfloat16, enabled=bfloat16):
                logits = network(x[which])
            a, b = head(image(logits.float())), head(response(targets[which]))
            s = torch.nn.functional.normalize(a) @ torch.nn.functional.normalize(b).T / 0.3
            torch.nn.functional.cross_entropy(s, torch.arange(len(which), device=device)).backward()
            adam.step()
        wait(device)
        times.append(time.time() - start)
    network.eval()
    return np.median(times[1:])


def our_epoch(tool, folder, batch, precision, device):
    log = timed([tool, folder / "data.h5", "--weights", folder / "alexnet.h5", "--hemi", "all", "--roi", "all", "--epochs", 4,
                 "--batch", batch, "--precision", precision, "--device", device, "--overwrite", "--verbose", "-o", folder / "tuned.h5"])[2]
    return np.median([float(x) for x in re.findall(r"epoch \d+: loss [\d.]+, ([\d.]+) s", log)][1:])


def tuning(binaries, images, voxels, batch, device):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        network = prepare(folder, binaries, images, voxels)
        x, y, train, _ = load(folder)
        seconds = {}
        for precision in ("float32", "bfloat16"):
            if precision == "bfloat16" and device == "cpu" and "avx512_bf16" not in pathlib.Path("/proc/cpuinfo").read_text():
                print("bfloat16: this processor has none")
                continue
            eager = seconds[precision] = eager_epoch(network, x, y, train, batch, precision == "bfloat16", device)
            if device == "cuda":  # PyTorch comes with convolutions in TF32 and whatever kernel is fastest; cortune promises neither
                torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic = False, True
                print(f"(c) the same without TF32 and with repeatable kernels, {precision}: {eager_epoch(network, x, y, train, batch, precision == 'bfloat16', device):.2f} s")
                torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic = True, False
            mine = our_epoch(binaries / "cl-finetune", folder, batch, precision, device)
            print(f"(c) epoch of {len(train)} images, {precision}: {mine:.2f} s; eager {precision} {eager:.2f} s")
            verdict(f"(c) {precision} against eager float32", seconds["float32"] / mine, 1.1 if precision == "float32" else 1.6)
            if precision == "bfloat16":
                print(f"(c) bfloat16 against eager bfloat16: ratio {eager / mine:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2] / "build/release/bin")
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--voxels", type=int, default=800)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--skip-published", action="store_true")
    parser.add_argument("--skip-tuning", action="store_true")
    parser.add_argument("--skip-encoding", action="store_true")
    parser.add_argument("--tuning-images", type=int, default=600)
    parser.add_argument("--himalaya", action="store_true")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    o = parser.parse_args()
    same_blas_kernel()
    # Debian's PyTorch starts with one thread.
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    sgemm, dgemm = gemm_speed(torch.float32), gemm_speed(torch.float64)
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    print(f"{model.group(1) if model else 'unknown processor'}, threads {torch.get_num_threads()}, PyTorch {torch.__version__}, "
          f"sgemm {sgemm:.0f} GFLOP/s, dgemm {dgemm:.0f} GFLOP/s")
    forward = sgemm
    if o.device == "cuda":
        forward = gemm_speed(torch.float32, "cuda")
        print(f"{torch.cuda.get_device_name(0)}, sgemm {forward:.0f} GFLOP/s (no TF32, as in cortune)")
    if not o.skip_encoding:
        encoding(o, forward, sgemm, dgemm)
    if not o.skip_tuning:
        tuning(o.bin, o.tuning_images, o.voxels, o.batch, o.device)


def encoding(o, forward, sgemm, dgemm):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        network = prepare(folder, o.bin, o.images, o.voxels)
        command = [o.bin / "ridge-encode", folder / "data.h5", folder / "alexnet.h5", "--device", o.device, "--verbose", "--overwrite", "-o", folder / "enc.h5"]
        runs = [timed(command) for _ in range(3)]
        ours, peak, log = sorted(runs)[1]
        x, y, train, test = load(folder)
        print(f"ridge-encode: {ours:.1f} s (median of {', '.join(f'{r[0]:.1f}' for r in runs)}), peak {peak:.0f} MiB")
        table = phases(log, len(x), len(train), o.voxels, forward, sgemm, dgemm)
        for what, seconds, products in table:
            print(f"  {what}: {seconds:.1f} s, its matrix products at full speed {products:.1f} s")
        print(f"  matrix products at full speed are {100 * sum(p[2] for p in table) / ours:.0f} % of the whole")
        start = time.time()
        careful(network, x, y, train, test, o.himalaya, o.device)
        b = time.time() - start
        print(f"(b) features once, randomized PCA, {'himalaya' if o.himalaya else 'scikit-learn RidgeCV'}: {b:.0f} s")
        verdict("(b)", b / ours, 12)
        if not o.skip_published:
            start = time.time()
            published(network, x, y, train, o.device)
            a = (time.time() - start) * FOLDS
            print(f"(a) published protocol: {a:.0f} s ({FOLDS} times one fold)")
            verdict("(a)", a / ours, 40)


if __name__ == "__main__":
    main()
