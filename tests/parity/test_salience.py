# SPDX-License-Identifier: BSD-3-Clause
"""salience-map against twins in PyTorch: every target, every method, laterality; networks that look at one half are seen to."""
import json

import h5py
import numpy as np
import torch
import torchvision
from PIL import Image

from common import DEVICE, close, failure, make_dataset, run, same_library, scratch

trapezoid = getattr(np, "trapezoid", None) or np.trapz  # its name since numpy 2


def of_gradients(tolerance, file):
    """The twin computes on the CPU with Python's LibTorch. Kernels of another device or LibTorch round otherwise (forward passes
    agree to 1e-6), and where a unit is within that of zero, or of another in its pool, its gradient is there or not."""
    return tolerance if DEVICE == "cpu" and same_library(file.filename) else 1e-3

SIZE = 64


def network_of(state):
    network = torchvision.models.squeezenet1_1()
    network.load_state_dict(state)
    return network.eval()


def normalised(pixels):
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    return (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - mean) / std


def outputs(network, x, names):
    found, hooks = {}, []
    for name in names:
        hooks.append(network.get_submodule(name).register_forward_hook(lambda m, i, o, name=name: found.__setitem__(name, o)))
    found["output"] = network(x)
    for hook in hooks:
        hook.remove()
    return found


def cam(network, x, tap, score, plus=False, by_place=False):
    """As pytorch-grad-cam does it, but for its scaling of every map to 0 … 1."""
    x = x.clone().requires_grad_()
    found = outputs(network, x, {tap, "features.12"})
    a = found[tap]
    g = torch.autograd.grad(score(found).sum(), a)[0]
    if plus:
        square = g**2
        share = square / (2 * square + a.sum((2, 3), keepdim=True) * g**3 + 1e-6)
        weight = (torch.where(g != 0, share, torch.zeros(())) * torch.relu(g)).sum((2, 3))
    else:
        weight = g.mean((2, 3))
    raw = torch.relu(((g if by_place else weight[..., None, None]) * a).sum(1)).detach()
    return torch.nn.functional.interpolate(raw[:, None], size=(SIZE, SIZE), mode="bilinear", align_corners=False)[:, 0].numpy()


def laterality(maps):
    positive = np.maximum(maps, 0)
    left, right = positive[..., : SIZE // 2].sum((1, 2)), positive[..., SIZE // 2 :].sum((1, 2))
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    band = np.searchsorted([0.25, 0.5, 0.75], np.hypot(x, y) / (SIZE / 2), side="right")
    bands = []
    with np.errstate(invalid="ignore"):
        for b in range(4):
            inside = positive * (band == b)
            l, r = inside[..., : SIZE // 2].sum((1, 2)), inside[..., SIZE // 2 :].sum((1, 2))
            bands.append((l - r) / (l + r))
        return (left - right) / (left + right), np.stack(bands, 1)


def check_targets(folder):
    torch.manual_seed(5)
    network = torchvision.models.squeezenet1_1().eval()
    torch.save(network.state_dict(), folder / "s.pth")
    run("model-convert", folder / "s.pth", "--image-size", SIZE, "-o", folder / "s.h5")
    data = make_dataset(folder, images=60, size=SIZE, voxels=30, name="seen")
    with h5py.File(data) as f:
        pixels, ids = f["pixels"][:], list(f["image"].asstr())
    x = normalised(pixels)

    # An output of the network, at two feature maps, with both weightings.
    predicted = network(x).argmax(1)
    for method, tap in (("gradcam", None), ("gradcam", "features.7"), ("gradcam++", "features.9"), ("hirescam", "features.7")):
        run("salience-map", data, folder / "s.h5", "--logit", "predicted", "--method", method, *(["--tap", tap] if tap else []), "--flip-control", "--overwrite", "-o", folder / "logit.h5")
        with h5py.File(folder / "logit.h5") as f:
            assert f.attrs["tap"] == (tap or "classifier.2"), f.attrs["tap"]
            assert list(f["image"].asstr()) == ids
            assert list(f["of"].asstr()) == [str(int(p)) for p in predicted]
            close("scores", f["score"][:], network(x).detach().gather(1, predicted[:, None])[:, 0], 1e-5)
            own = lambda found: found["output"].gather(1, predicted[:, None])[:, 0]
            kind = (method.endswith("+"), method == "hirescam")
            expected = cam(network, x, f.attrs["tap"], own, *kind)
            # float32 gradients in another order; the tolerance, of the largest value
            close(f"{method} at {f.attrs['tap']}", f["map"][:], expected, of_gradients(1e-5, f), relative=True)
            index, bands = laterality(f["map"][:].astype(np.float64))
            close("laterality", f["index"][:], index, 1e-9)
            seen = np.isfinite(bands)
            assert np.array_equal(seen, np.isfinite(f["band_index"][:]))
            close("in bands", f["band_index"][:][seen], bands[seen], 1e-9)
            mirrored, _ = laterality(cam(network, x.flip(3), f.attrs["tap"], own, *kind).astype(np.float64))
            close("mirrored", f["mirrored_index"][:], mirrored, of_gradients(1e-4, f))

    check_checks(folder, data, network, x, ids)

    # Integrated gradients sum to what the picture adds; occlusion as a loop.
    run("salience-map", data, folder / "s.h5", "--logit", 3, "--method", "integrated-gradients", "--steps", 200, "--split", "test", "-o", folder / "ig.h5")
    with h5py.File(folder / "ig.h5") as f:
        at = [ids.index(i) for i in f["image"].asstr()[:]]
        own = x[at]
        gain = (network(own) - network(torch.zeros_like(own)))[:, 3].detach().numpy()
        # the midpoint rule with 200 steps, of a network with kinks
        close("completeness", f["map"][:].sum((1, 2)), gain, 0.02 * np.abs(gain).max())
        g = torch.zeros_like(own)
        for s in range(200):
            step = (own * ((s + 0.5) / 200)).requires_grad_()
            g += torch.autograd.grad(network(step)[:, 3].sum(), step)[0]
        # a unit near its kink may be on either side of it at one of the steps
        close("integrated gradients", f["map"][:], (own * g / 200).sum(1).detach(), of_gradients(1e-3, f), relative=True)
    run("salience-map", data, folder / "s.h5", "--logit", 3, "--method", "occlusion", "--window", 16, "--split", "test", "-o", folder / "hidden.h5")
    with h5py.File(folder / "hidden.h5") as f, torch.no_grad():
        fall, count = torch.zeros(len(at), SIZE, SIZE), torch.zeros(SIZE, SIZE)
        for r in range(0, SIZE - 15, 8):
            for c in range(0, SIZE - 15, 8):
                hidden = own.clone()
                hidden[:, :, r : r + 16, c : c + 16] = 0
                fall[:, r : r + 16, c : c + 16] += (network(own) - network(hidden))[:, 3][:, None, None]
                count[r : r + 16, c : c + 16] += 1
        close("occlusion", f["map"][:], fall / count, 1e-5)

    # A response that saved ridge weights predict.
    run("ridge-encode", data, folder / "s.h5", "--hemi", "all", "--roi", "all", "--layers", "features.12", "--components", 20, "--save-weights", "-o", folder / "enc.h5")
    for voxel in (None, 7):
        run("salience-map", data, folder / "s.h5", "--encoding", folder / "enc.h5", *(["--voxel", voxel] if voxel else []), "--tap", "features.10", "--overwrite", "-o", folder / "response.h5")
        with h5py.File(folder / "response.h5") as f, h5py.File(folder / "enc.h5") as e:
            layer, rois = e["weights/layers/features.12"], []
            e["weights/rois"].visititems(lambda n, o: rois.append(o) if n.endswith("coef") else None)
            coef, intercept = rois[0][:], rois[0].parent["intercept"][:]
            basis, mean = layer["basis"][:].astype(np.float64), layer["mean"][:].astype(np.float64)
            weight = basis @ (coef.mean(1) if voxel is None else coef[:, voxel])
            score = lambda found: found["features.12"].flatten(1) @ torch.from_numpy(weight).float() - float(mean @ weight) + float(intercept.mean() if voxel is None else intercept[voxel])
            close("predicted response", f["score"][:], score(outputs(network, x, {"features.12"})).detach(), 1e-4)
            close("its map", f["map"][:], cam(network, x, "features.10", score), of_gradients(2e-5, f), relative=True)
            held = [i for i, name in enumerate(ids) if name in set(next(iter([e["image"].asstr()[:]])))]
            close("is the encoding's prediction", f["score"][:][held], _prediction(e)[:, :].mean(1) if voxel is None else _prediction(e)[:, voxel], 2e-3)
    return data, network, x


def check_checks(folder, data, network, x, ids):
    """The control with shuffled weights, and curves as loops over PyTorch's network; squared gradients."""
    row = json.loads(run("salience-map", data, folder / "s.h5", "--logit", 3, "--method", "gradient", "--checks", "--json", "--split", "test", "-o", folder / "checks.h5"))
    with h5py.File(folder / "checks.h5") as f:
        own = x[[ids.index(i) for i in f["image"].asstr()[:]]]
        leaf = own.clone().requires_grad_()
        g = torch.autograd.grad(network(leaf)[:, 3].sum(), leaf)[0]
        # float32 gradients through all layers, of the largest value
        close("squared gradients", f["map"][:], (g**2).sum(1), of_gradients(1e-4, f), relative=True)
        share, maps = f["share"][:], f["map"][:].reshape(len(own), -1)
        assert np.array_equal(share, np.arange(17) / 16)
        falling = -np.sort(-maps, axis=1)
        place = np.argsort(np.argsort(-maps, axis=1, kind="stable"), axis=1)
        counted = 0
        for k in range(17):
            count = k * SIZE * SIZE // 16
            # Which of two equal pixels goes first is drawn: pictures where that decides are left out.
            told = np.ones(len(own), bool) if k in (0, 16) else falling[:, count - 1] > falling[:, count]
            counted += told.sum()
            if not told.any():
                continue
            marked = torch.from_numpy(place < count).view(len(own), 1, SIZE, SIZE)
            with torch.no_grad():
                for name, shown in (("deletion", own * ~marked), ("insertion", own * marked)):
                    close(f"{name} of {k}/16", f[name][:, k][told], network(shown)[:, 3][torch.from_numpy(told)], 1e-5)
        assert counted > 0.6 * 17 * len(own), counted
        for name in ("deletion", "insertion"):
            close(f"area of {name}", f[f"{name}_area"][:], trapezoid(f[name][:], share, axis=1), 1e-12)
            sign = -1 if name == "deletion" else 1
            close(f"gain of {name}", row[name], sign * np.mean(f[f"{name}_area"][:] - f[f"common_{name}_area"][:]), 1e-12)
            assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
        # What maps have in common: the order of the mean of the other pictures' maps.
        common = (maps.sum(0).astype(np.float64) - maps) / (len(maps) - 1)
        place = np.argsort(np.argsort(-common, axis=1, kind="stable"), axis=1)
        curve = [network(own * ~torch.from_numpy(place < k * SIZE * SIZE // 16).view(len(own), 1, SIZE, SIZE)).detach()[:, 3].numpy() for k in range(17)]
        # pixels that are equal to rounding may change places
        close("area of what maps have in common", f["common_deletion_area"][:], trapezoid(curve, share, axis=0), 2e-3)
        assert row["left_out"] == 0 and row["optimistic"] == 0 and row["randomised_n"] == len(own)
        found = f["randomised_correlation"][:]
        assert np.all(np.abs(found) < 1) and abs(row["randomised_r"] - found.mean()) < 1e-12


def check_ranks(folder, data):
    """Spearman's correlation with controls made here: the network, and a probe's weights, with their values in random order."""
    from scipy.stats import spearmanr

    state = {}
    with h5py.File(folder / "s.h5") as f, h5py.File(folder / "sides.probe.h5") as p:
        for stream, name in enumerate(torchvision.models.squeezenet1_1().state_dict()):
            values = f[f"backbone/{name}"][()]
            state[name] = torch.from_numpy(_shuffled(values.reshape(-1), 4, stream).reshape(values.shape))
        coef = p["classifier/coef"][:].T  # unit, class
        coef = torch.from_numpy(_shuffled(coef.reshape(-1), 4, 2**40).reshape(coef.shape))
        mean, scale, intercept = (torch.from_numpy(p[f"classifier/{n}"][:]) for n in ("mean", "scale", "intercept"))
        red = list(p["class"].asstr()).index("red")
    control = network_of(state)
    with h5py.File(folder / "enc.h5") as e:
        layer, rois = e["weights/layers/features.12"], []
        e["weights/rois"].visititems(lambda n, o: rois.append(o) if n.endswith("coef") else None)
        basis = layer["basis"][:].astype(np.float64)
        direction = torch.from_numpy(_shuffled((basis @ rois[0][:].mean(1)).astype(np.float32), 4, 2**40))
    targets = {"logit": (["--logit", 3], lambda found: found["output"][:, 3]),
               "probe": (["--probe", folder / "sides.probe.h5", "--class", "red"], lambda found: (((found["features.12"].flatten(1) - mean) / scale) @ coef + intercept)[:, red]),
               "readout": (["--encoding", folder / "enc.h5"], lambda found: found["features.12"].flatten(1) @ direction)}
    for name, (options, score) in targets.items():
        run("salience-map", data, folder / "s.h5", *options, "--tap", "features.9", "--checks", "--split", "test", "--seed", 4, "-o", folder / f"ranks.{name}.h5")
        with h5py.File(folder / f"ranks.{name}.h5") as f, h5py.File(data) as d:
            ids = list(d["image"].asstr())
            x = normalised(d["pixels"][:][[ids.index(i) for i in f["image"].asstr()[:]]])
            expected = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(f["map"][:], cam(control, x, "features.9", score))]
            # ranks of float32 maps change where values are nearly equal; a control's map may be empty
            told = np.isfinite(expected)
            assert np.array_equal(told, np.isfinite(f["randomised_correlation"][:])) and told.any()
            close(f"rank correlation with the shuffled {name}", f["randomised_correlation"][:][told], np.array(expected)[told], 2e-3)


def _mix(x):
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _shuffled(values, seed, stream):
    """Fisher and Yates' with the generator of core/random.hpp."""
    n = values.size
    one = lambda v: np.array([v % 2**64], dtype=np.uint64)
    key = _mix(_mix(one(seed)) ^ _mix(one(~stream)))
    drawn = _mix(key + np.uint64(0x9E3779B97F4A7C15) * np.arange(n - 1, dtype=np.uint64))
    below = np.arange(n, 1, -1, dtype=np.uint64)
    low = (drawn & np.uint64(0xFFFFFFFF)) * below >> np.uint64(32)
    at = ((drawn >> np.uint64(32)) * below + low) >> np.uint64(32)  # (drawn · below) / 2^64; below < 2^32
    out = values.tolist()
    for i, j in zip(range(n - 1, 0, -1), at.tolist()):
        out[i], out[j] = out[j], out[i]
    return np.array(out, dtype=np.float32)


def _prediction(encoding):
    found = []
    encoding["results"].visititems(lambda n, o: found.append(o[:]) if n.endswith("/prediction") else None)
    return found[0]


def check_probe(folder, network):
    """Pictures of two classes, which lie in one half alone: a classifier's maps lie there, and change sides with the picture."""
    rng = np.random.default_rng(2)
    for c, colour in (("red", (220, 40, 40)), ("blue", (40, 60, 220))):
        for i in range(60):
            picture = rng.integers(100, 156, (SIZE, SIZE, 3), dtype=np.uint8)
            top = rng.integers(0, SIZE - 24)
            picture[top : top + 24, 4:28] = np.clip(np.array(colour) + rng.integers(-20, 20, (24, 24, 3)), 0, 255)
            path = folder / "sides" / c / f"{i:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
    run("feature-extract", folder / "sides", folder / "s.h5", "--layers", "features.12", "-o", folder / "sides.h5")
    row = json.loads(run("class-probe", folder / "sides.h5", "--json", "--C", 0.01, "-o", folder / "sides.probe.h5"))
    assert row["top1"] > 0.9, row
    run("salience-map", folder / "sides", folder / "s.h5", "--probe", folder / "sides.probe.h5", "--class", "true", "--tap", "features.7", "--flip-control", "--overlays", folder / "figures",
        "-o", folder / "sides.salience.h5")
    said = failure("salience-map", folder / "sides", folder / "s.h5", "--logit", 3, "--overlays", folder / "sides" / "red", "--overwrite", "-o", folder / "no.h5", expect=4)
    assert "it has no overlays.txt" in said and len(list((folder / "sides" / "red").glob("*.png"))) == 60, said
    assert len(list((folder / "figures").glob("*.png"))) == 120 and Image.open(next((folder / "figures").glob("*.png"))).size == (840, 440)
    with h5py.File(folder / "sides.salience.h5") as f, h5py.File(folder / "sides.probe.h5") as p:
        pixels = np.stack([np.asarray(Image.open(folder / "sides" / i.split(":")[1])) for i in f["image"].asstr()[:]])
        classes = list(p["class"].asstr())
        label = torch.tensor([classes.index(i.split(":")[1].split("/")[0]) for i in f["image"].asstr()[:]])
        mean, scale, coef, intercept = (torch.from_numpy(p[f"classifier/{n}"][:]) for n in ("mean", "scale", "coef", "intercept"))
        score = lambda found: (((found["features.12"].flatten(1) - mean) / scale) @ coef.T + intercept).gather(1, label[:, None])[:, 0]
        close("through scaler and weights", f["map"][:], cam(network, normalised(pixels), "features.7", score), of_gradients(2e-5, f), relative=True)
        index, mirrored = f["index"][:], f["mirrored_index"][:]
        seen = np.isfinite(index) & np.isfinite(mirrored)
        print(f"ok sides: mean index {index[seen].mean():+.3f}, mirrored {mirrored[seen].mean():+.3f}")
        assert index[seen].mean() > 0.05 and mirrored[seen].mean() < -0.05
    row = json.loads(run("salience-map", folder / "sides", folder / "s.h5", "--probe", folder / "sides.probe.h5", "--json", "-o", folder / "fitted.h5"))
    with h5py.File(folder / "fitted.h5") as f, h5py.File(folder / "sides.probe.h5") as p:
        fitted = np.isin(f["image"].asstr()[:], p["fitted/image"].asstr()[:])
        assert np.array_equal(f["fitted"][:], fitted) and fitted.sum() == row["left_out"] == p.attrs["train_images"]
        unseen = f["index"][:][~fitted]
        close("over unseen pictures", row["index"], np.nanmean(unseen), 1e-12)
    said = failure("salience-map", folder / "sides", folder / "s.h5", "--probe", folder / "sides.probe.h5", "--class", "rad", "-o", folder / "no.h5", expect=3)
    assert "it has red, blue" in said, said
    said = failure("salience-map", folder / "sides", "--probe", folder / "sides.probe.h5", "-o", folder / "no.h5", expect=3)
    assert "another network" in said, said


def check_pair(folder, data):
    run("cl-finetune", data, "--weights", folder / "s.h5", "--hemi", "all", "--roi", "all", "--epochs", 1, "-o", folder / "tuned.h5")
    run("salience-map", data, folder / "tuned.h5", "--pair", "--split", "test", "--tap", "features.9", "-o", folder / "pair.h5")
    run("feature-extract", data, folder / "tuned.h5", "--embeddings", "--split", "test", "-o", folder / "pair.embeddings.h5")
    with h5py.File(folder / "pair.h5") as f, h5py.File(folder / "pair.embeddings.h5") as e:
        a, b = (torch.from_numpy(e[f"embeddings/{n}_z"][:]) for n in ("image", "response"))
        close("contrastive scores", f["score"][:], torch.nn.functional.cosine_similarity(a, b) / 0.3, 1e-5)
        assert not f["tuned"][:].any() and f["map"][:].max() > 0 and (f.attrs["score_kind"], f.attrs["score_roi"], f.attrs["score_subject"]) == ("pair", "all", "seen")
    failure("salience-map", folder / "sides", folder / "tuned.h5", "--pair", "-o", folder / "no.h5", expect=2)
    failure("salience-map", data, folder / "tuned.h5", "--pair", "--logit", 1, "-o", folder / "no.h5", expect=2)
    failure("salience-map", data, folder / "tuned.h5", "-o", folder / "no.h5", expect=2)
    failure("salience-map", data, folder / "tuned.h5", "--logit", 1000, "-o", folder / "no.h5", expect=2)
    said = failure("salience-map", data, folder / "s.h5", "--encoding", folder / "enc.h5", "--tap", "classifier.1", "-o", folder / "no.h5", expect=3)
    assert "comes after features.12" in said, said


if __name__ == "__main__":
    from pathlib import Path

    with scratch() as name:
        here = Path(name)
        pictures, net, _ = check_targets(here)
        check_probe(here, net)
        check_ranks(here, pictures)
        check_pair(here, pictures)
