# SPDX-License-Identifier: BSD-3-Clause
"""Five epochs of a network pooled over three subjects, who saw partly the same images, against a
PyTorch twin in float64 (dropout off): losses and weights to 1e-8, the rounding of 1e-16 grown by
fifteen steps of Adam. Then what pooling must hold: equal bytes, resumed runs, subjects that lack
the ROI, sides of shared images, one subject pooled as one subject alone."""
import pathlib

import h5py
import numpy as np
import torch
from PIL import Image

from common import close, run, scratch
from test_tuning import Mini, start_state, tensors, without_gradient

EPOCHS = 5
LEARNING_RATE = 1e-4
SEEN = {"A": (range(0, 60), 30), "B": (range(30, 90), 24), "C": (range(50, 110), 21)}


def make_subjects(folder):
    rng = np.random.default_rng(4)
    summary = []
    (folder / "all").mkdir()
    for i in range(110):
        small = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(small).resize((64, 64), Image.BICUBIC).save(folder / f"all/img{i:03d}.png")
        summary.append(small.reshape(-1)[:60] / 255.0)
    summary = np.array(summary)
    out = []
    for name, (images, voxels) in SEEN.items():
        (folder / name).mkdir()
        for i in images:
            (folder / name / f"img{i:03d}.png").symlink_to(folder / f"all/img{i:03d}.png")
        y = summary[list(images)] @ rng.standard_normal((60, voxels)) + 0.3 * rng.standard_normal((len(images), voxels))
        np.save(folder / f"{name}.npy", ((y - y.mean(0)) / y.std(0)).astype(np.float32))
        out.append(extract(folder, name))
    return out


def extract(folder, name, *more, out=None):
    out = out or folder / f"{name}.h5"
    run("nsd-extract", "table", "--images", folder / name, "--responses", folder / f"{name}.npy", "--namespace", "pool", "--subject", name,
        "--roi-name", "R", "--size", 64, "-o", out, *more)
    return out


class Pooled(torch.nn.Module):
    def __init__(self, start):
        super().__init__()
        n = torch.nn
        with h5py.File(start) as file:
            net, state = tensors(file, "backbone"), tensors(file, "heads")
        self.net = Mini()
        self.net.load_state_dict(net)
        state = {k.replace("response.A", "A").replace("response.B", "B").replace("response.C", "C"): v for k, v in state.items()}
        h, outputs = state["image.weight"].shape
        z = state["head.6.weight"].shape[0]
        self.heads = n.ModuleDict({"image": n.Linear(outputs, h, bias=False),
                                   "head": n.Sequential(n.Linear(h, h), n.BatchNorm1d(h), n.ReLU(), n.Linear(h, h), n.BatchNorm1d(h), n.ReLU(),
                                                        n.Linear(h, z, bias=False)),
                                   **{s: n.Linear(v, h, bias=False) for s, (_, v) in SEEN.items()}})
        self.heads.load_state_dict(state, strict=False)
        self.double().train()


def subjects_of(files):
    out = {}
    mean, std = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64), torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64)
    for name, path in zip(SEEN, files):
        with h5py.File(path) as f:
            train = f["split"][:] == 0
            x = torch.from_numpy(f["pixels"][:][train]).double() / 255
            out[name] = (((x - mean) / std).permute(0, 3, 1, 2), torch.from_numpy(f["response_all"][:][train]).double(), list(f["image"].asstr()[:][train]))
    return out


def twin(start, files, aligned, weights):
    model, data = Pooled(start), subjects_of(files)
    optimiser = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    embed = lambda branch, v: model.heads["head"](model.heads[branch](v))
    history = []
    for _ in range(EPOCHS):
        total = count = 0
        for weight, (name, (x, y, ids)) in zip(weights, data.items()):
            optimiser.zero_grad(set_to_none=True)  # absent subjects stay still
            image = embed("image", model.net(x))
            rows, owner = [embed(name, y)], list(range(len(ids)))
            for other, (_, theirs, their_ids) in data.items() if aligned else ():
                both = [i for i in ids if i in their_ids]
                if other != name and len(both) > 1:
                    rows.append(embed(other, theirs[[their_ids.index(i) for i in both]]))
                    owner += [ids.index(i) for i in both]
            similarity = torch.nn.functional.cosine_similarity(image[:, None], torch.cat(rows)[None], dim=2) / 0.3
            nll = -torch.log_softmax(similarity, 1)
            owner = torch.tensor(owner)
            loss = torch.stack([nll[i, owner == i].mean() for i in range(len(ids))]).mean()
            (weight * loss).backward()
            optimiser.step()
            total, count = total + loss.item() * len(ids), count + len(ids)
        history.append(total / count)
    return history, model


def test_twin(folder, files):
    for label, more, aligned, weights in (("plain", [], False, (1, 1, 1)), ("weighted", ["--subject-weights", "2,1,0.5"], False, (2, 1, 0.5)),
                                          ("aligned", ["--align-shared"], True, (1, 1, 1))):
        common = [*files, "--weights", folder / "mini.h5", "--hemi", "all", "--roi", "R", "--pool", "avg", "--dropout", 0, "--lr", LEARNING_RATE,
                  "--seed", 3, "--precision", "float64", "--overwrite", *more]
        run("cl-finetune", *common, "--epochs", 0, "-o", folder / "start.h5")
        run("cl-finetune", *common, "--epochs", EPOCHS, "--checkpoint", folder / "state.ckpt", "-o", folder / f"{label}.h5")
        history, model = twin(folder / "start.h5", files, aligned, weights)
        with h5py.File(folder / "state.ckpt") as file:
            close(f"{label} losses", file["history/loss"][:], history, 1e-8)
            net, heads = tensors(file, "state/backbone"), tensors(file, "state/heads")
        for key, value in net.items():
            if not without_gradient(key):
                close(f"{label} {key}", value, model.net.state_dict()[key].detach(), 1e-8)
        for key, value in heads.items():
            if not without_gradient(key):
                close(f"{label} {key}", value, model.heads.state_dict()[key.removeprefix("response.")].detach(), 1e-8)
        assert heads["image.weight"].shape[0] == (30 + 24 + 21) // 3 and heads["head.6.weight"].shape[0] == int(0.25 * 25)


def same_weights(one, other):
    with h5py.File(one) as a, h5py.File(other) as b:
        for group in ("backbone", "heads"):
            x, y = tensors(a, group), tensors(b, group)
            assert x.keys() == y.keys()
            for key in x:
                if not torch.equal(x[key], y[key]):
                    return False
    return True


def test_rules(folder, files):
    def tune(out, inputs, *more, expect=0, seed=3):
        return run("cl-finetune", *inputs, "--hemi", "all", "--roi", "R", "--batch", 16, "--epochs", 4, "--seed", seed, "--overwrite", "-o", folder / out, *more, expect=expect)

    tune("one.h5", files, "--align-shared", "--pool-order", "interleaved")
    tune("two.h5", files, "--align-shared", "--pool-order", "interleaved", "--epochs", 2, "--checkpoint", folder / "half.ckpt")
    tune("two.h5", files, "--align-shared", "--pool-order", "interleaved", "--checkpoint", folder / "half.ckpt", "--resume")
    assert same_weights(folder / "one.h5", folder / "two.h5"), "a resumed run is another"
    tune("turns.h5", files, "--align-shared")
    assert not same_weights(folder / "one.h5", folder / "turns.h5")
    run("cortune-info", folder / "one.h5")
    with h5py.File(folder / "one.h5") as f:
        assert list(f.attrs["subjects"]) == list(SEEN)
        assert np.array_equal(f["branch"][:], np.repeat([0, 1, 2], [v for _, v in SEEN.values()]))
        seen = set()
        for path in files:
            with h5py.File(path) as data:
                seen |= set(data["image"].asstr()[:][data["split"][:] == 0])
        # The leak check knows the images of all subjects, each once.
        assert sorted(f["tuned/image"].asstr()[:]) == sorted(seen)
    # Every subject can be scored on its own held-out images, none on what tuned the network.
    for path in files:
        run("ridge-encode", path, folder / "one.h5", "--folds", 3, "--layers", "classifier.6", "--overwrite", "-o", folder / "scored.h5")
    run("ridge-encode", files[1], folder / "one.h5", "--folds", 3, "--layers", "classifier.6", "--protocol", "train-cv", "--overwrite", "-o", folder / "x.h5", expect=3)
    # Round trip through safetensors keeps whose responses they were.
    run("model-convert", folder / "one.h5", "--heads", "-o", folder / "one.safetensors")
    run("model-convert", folder / "one.safetensors", "-o", folder / "back.h5")
    assert same_weights(folder / "one.h5", folder / "back.h5")
    with h5py.File(folder / "one.h5") as a, h5py.File(folder / "back.h5") as b:
        assert np.array_equal(a["branch"][:], b["branch"][:])
    # One subject pooled is that subject alone, but for the name of its branch and the widths of the pool.
    tune("alone.h5", files[:1], "--embedding", 25, "--projection", 6, "--epochs", 0)
    tune("pooled.h5", files[:1], "--pool", 25, "--epochs", 0)
    with h5py.File(folder / "alone.h5") as a, h5py.File(folder / "pooled.h5") as b:
        assert a["heads/response.weight"].shape == b["heads/response.A.weight"].shape and np.array_equal(a["heads/head.0.weight"][:], b["heads/head.0.weight"][:])
    # Subjects without the ROI, or with too few voxels of it, are left out.
    tune("fewer.h5", files, "--min-voxels", 22)
    with h5py.File(folder / "fewer.h5") as f:
        assert list(f.attrs["subjects"]) == ["A", "B"]
    tune("x.h5", files, "--min-voxels", 50, expect=3)
    # An image is on one side for all.
    other = extract(folder, "B", "--split-seed", 9, out=folder / "other.h5")
    tune("x.h5", [files[0], other], expect=3)
    # And inside the training images on one side of early stopping, however a data set came by its split.
    a = extract(folder, "A", "--split-seed", 5, out=folder / "a5.h5")
    by_seed = extract(folder, "B", "--split-seed", 5, out=folder / "b5.h5")
    with h5py.File(by_seed) as f:
        (folder / "test.txt").write_text("\n".join(f["image"].asstr()[:][f["split"][:] == 1]))
    by_list = extract(folder, "B", "--test-list", folder / "test.txt", out=folder / "b-list.h5")
    for out, b in (("seed.h5", by_seed), ("list.h5", by_list)):
        tune(out, [a, b], "--patience", 3, "--validation-share", 0.3)
    assert same_weights(folder / "seed.h5", folder / "list.h5"), "early stopping looks at other images"
    tune("x.h5", [files[0], files[0]], expect=3)
    tune("x.h5", files, "--subject-weights", "1,2", expect=2)
    tune("x.h5", files, "--pool", "most", expect=2)
    tune("x.h5", files[:1], "--align-shared", expect=2)
    tune("x.h5", files, "--align-shared", "--loss", "clip", expect=2)
    # The regression baseline has a read-out per subject.
    tune("mse.h5", files, "--loss", "mse")
    with h5py.File(folder / "mse.h5") as f:
        assert {k for k in f["heads"] if k.startswith("readout")} == {f"readout.{s}.{p}" for s in SEEN for p in ("weight", "bias")}
    assert not (folder / "x.h5").exists()


def main():
    with scratch() as name:
        folder = pathlib.Path(name)
        files = make_subjects(folder)
        torch.save(start_state(), folder / "mini.pth")
        run("model-convert", folder / "mini.pth", "-o", folder / "mini.h5")
        test_twin(folder, files)
        test_rules(folder, files)


if __name__ == "__main__":
    main()
