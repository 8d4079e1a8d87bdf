# SPDX-License-Identifier: BSD-3-Clause
"""feature-extract against PyTorch (layers, pooling, heads), torchvision's crop, scikit-learn's PCA and xarray; runs that are
stopped and resumed give the same numbers."""
import json
import os
import signal
import subprocess
import time

import h5py
import numpy as np
import torch
import torchvision
import xarray
from PIL import Image
from sklearn.decomposition import PCA

from common import BIN, close, failure, make_dataset, run, same_data_sets, scratch, torchvision_features


def check_layers(folder):
    network = torchvision.models.squeezenet1_1()
    torch.manual_seed(3)
    torch.save(network.state_dict(), folder / "s.pth")
    data = make_dataset(folder, images=20, size=64, name="pictures")
    run("model-convert", folder / "s.pth", "--image-size", 64, "-o", folder / "s.h5")
    taps = ["features.3", "features.12", "classifier.1"]
    run("feature-extract", data, folder / "s.h5", "--layers", ",".join(taps), "--batch", 7, "-o", folder / "plain.h5")
    run("cortune-info", folder / "plain.h5")
    with h5py.File(data) as f, h5py.File(folder / "plain.h5") as out:
        expected = torchvision_features(network, f["pixels"][:], taps)
        assert list(out["image"].asstr()) == list(f["image"].asstr()) and set(out["split"].asstr()) == {"train", "test"}
        assert not out["tuned"][:].any()
        for tap in taps:
            found = out[f"features/{tap}"]
            assert found.ndim == 4 and [d[0].name.split("/")[-1] for d in found.dims][1:] == [f"{tap}_channel", f"{tap}_row", f"{tap}_column"]
            # float32 sums in another order
            close(f"layer {tap}", found[:].reshape(20, -1), expected[tap], 1e-5, relative=True)
        shape = out["features/features.3"].shape
    pooled = expected["features.3"].reshape(shape)
    for how, value in (("mean", pooled.mean((2, 3))), ("max", pooled.amax((2, 3)))):
        run("feature-extract", data, folder / "s.h5", "--layers", "features.3", "--pool", how, "-o", folder / f"{how}.h5")
        with h5py.File(folder / f"{how}.h5") as out:
            close(f"pool {how}", out["features/features.3"][:], value, 1e-5, relative=True)
    run("feature-extract", data, folder / "s.h5", "--layers", "features.3", "--precision", "float16", "--batch", 7, "-o", folder / "half.h5")
    with h5py.File(folder / "half.h5") as half, h5py.File(folder / "plain.h5") as plain:
        a, b = half["features/features.3"], plain["features/features.3"][:]
        assert a.dtype == np.float16 and np.array_equal(a[:], b.astype(np.float16))
    # As a notebook reads it.
    table = xarray.open_dataset(folder / "plain.h5", group="features", engine="h5netcdf")
    assert table["features.3"].dims[0] == "image" and table["features.3"].shape == shape
    assert xarray.open_dataset(folder / "plain.h5", engine="h5netcdf")["image"].values[0].startswith("pictures:")
    return data


def check_components(folder, data):
    run("feature-extract", data, folder / "s.h5", "--layers", "features.3", "--pca", 5, "-o", folder / "pca.h5")
    with h5py.File(folder / "plain.h5") as plain, h5py.File(folder / "pca.h5") as out:
        x = plain["features/features.3"][:].reshape(20, -1).astype(np.float64)
        train = plain["split"].asstr()[:] == "train"
        assert out.attrs["pca_split"] == "train" and out.attrs["pca_images"] == train.sum()
        pca = PCA(5, svd_solver="full").fit(x[train])
        expected = pca.transform(x)
        found = out["features/features.3"][:]
        signs = np.sign((found * expected).sum(0))
        # scores of float32 Gram matrices, against their largest
        close("principal components", found * signs, expected, 2e-5, relative=True)
        close("explained variance", out["features/features.3_explained"][:], pca.explained_variance_ratio_, 1e-6)
        largest = np.abs(found[train]).argmax(0)
        assert (found[train][largest, np.arange(5)] > 0).all()


def check_crop(folder):
    """A folder of pictures of several shapes: ids, hashes, and torchvision's evaluation crop."""
    rng = np.random.default_rng(5)
    for name, size in (("b/one.png", (90, 120)), ("a/two.png", (133, 81)), ("a/three.jpg", (64, 64)), ("c.png", (200, 73))):
        path = folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).resize(size, Image.BICUBIC).save(path)
    names = sorted(str(p.relative_to(folder / "photos")) for p in (folder / "photos").rglob("*.*"))
    transform = torchvision.transforms.Compose([torchvision.transforms.Resize(73), torchvision.transforms.CenterCrop(64)])
    network = torchvision.models.squeezenet1_1()
    network.load_state_dict(torch.load(folder / "s.pth"))
    for fit in ("crop", "squash"):
        run("feature-extract", folder / "photos", folder / "s.h5", "--layers", "features.3", "--fit", fit, "-o", folder / f"{fit}.h5")
        pictures = [Image.open(folder / "photos" / n).convert("RGB") for n in names]
        pictures = [transform(p) if fit == "crop" else p.resize((64, 64), Image.BILINEAR) for p in pictures]
        expected = torchvision_features(network, np.stack([np.asarray(p) for p in pictures]), ["features.3"])["features.3"]
        with h5py.File(folder / f"{fit}.h5") as out:
            assert list(out["image"].asstr()) == [f"photos:{n}" for n in names] and "split" not in out
            close(f"a folder, {fit}", out["features/features.3"][:].reshape(4, -1), expected, 1e-5, relative=True)
    failure("feature-extract", folder / "pictures.h5", folder / "s.h5", "--fit", "crop", "-o", folder / "no.h5", expect=2)
    failure("feature-extract", folder / "photos", folder / "s.h5", "--split", "test", "-o", folder / "no.h5", expect=2)


def embed(heads, hidden):
    """The projection head in evaluation mode."""
    x = hidden
    for linear, norm in (("head.0", "head.1"), ("head.3", "head.4")):
        x = torch.nn.functional.linear(x, heads[f"{linear}.weight"], heads[f"{linear}.bias"])
        x = torch.nn.functional.batch_norm(x, heads[f"{norm}.running_mean"], heads[f"{norm}.running_var"], heads[f"{norm}.weight"], heads[f"{norm}.bias"])
        x = torch.relu(x)
    return torch.nn.functional.linear(x, heads["head.6.weight"])


def check_embeddings(folder):
    one, two = make_dataset(folder, images=60, voxels=30, seed=1, name="one"), make_dataset(folder, images=60, voxels=25, seed=2, name="two")
    run("cl-finetune", one, "--hemi", "all", "--roi", "all", "--epochs", 1, "-o", folder / "tuned.h5")
    run("feature-extract", one, folder / "tuned.h5", "--embeddings", "--layers", "classifier.6", "-o", folder / "embeddings.h5")
    with h5py.File(folder / "tuned.h5") as model, h5py.File(folder / "embeddings.h5") as out, h5py.File(one) as data:
        heads = {k: torch.from_numpy(model["heads"][k][()]) for k in model["heads"] if "." in k}
        logits = torch.from_numpy(out["features/classifier.6"][:])
        responses = torch.from_numpy(data["response_all"][:])
        for branch, x, weight in (("image", logits, heads["image.weight"]), ("response", responses, heads["response.weight"])):
            hidden = torch.nn.functional.linear(x, weight)
            # float32 products in another order
            close(f"{branch} h", out[f"embeddings/{branch}_h"][:], hidden, 1e-5, relative=True)
            close(f"{branch} z", out[f"embeddings/{branch}_z"][:], embed(heads, hidden), 1e-5, relative=True)
        trained = set(model["tuned/image"].asstr()[:])
        assert [i in trained for i in out["image"].asstr()[:]] == list(out["tuned"][:] == 1) and 0 < out["tuned"][:].sum() < 60
        assert np.isclose(out.attrs["temperature"], 0.3) and out.attrs["tuned_subjects"] == "one"
    # Pooled networks have a branch a subject.
    run("cl-finetune", one, two, "--hemi", "all", "--roi", "all", "--pool", 12, "--epochs", 1, "-o", folder / "pooled.h5")
    run("feature-extract", two, folder / "pooled.h5", "--embeddings", "--split", "test", "-o", folder / "second.h5")
    with h5py.File(folder / "pooled.h5") as model, h5py.File(folder / "second.h5") as out, h5py.File(two) as data:
        assert "features" not in out and set(out["split"].asstr()) == {"test"} and not out["tuned"][:].any()
        rows = [list(data["image"].asstr()).index(i) for i in out["image"].asstr()[:]]
        hidden = torch.nn.functional.linear(torch.from_numpy(data["response_all"][()][rows]), torch.from_numpy(model["heads/response.two"][()] if "response.two" in model["heads"] else model["heads/response.two.weight"][()]))
        close("the second subject's h", out["embeddings/response_h"][:], hidden, 1e-5, relative=True)
    said = failure("feature-extract", two, folder / "tuned.h5", "--embeddings", "-o", folder / "no.h5", expect=3)
    assert "tuned to one, not to two" in said, said
    said = failure("feature-extract", one, "--embeddings", "-o", folder / "no.h5", expect=3)
    assert "no contrastive heads" in said, said
    run("feature-extract", folder / "photos", folder / "tuned.h5", "--embeddings", "-o", folder / "folder.h5")
    with h5py.File(folder / "folder.h5") as out:
        assert sorted(k for k in out["embeddings"] if k.endswith("_z")) == ["image_z"]


def check_resume(folder, data):
    """Killed in the middle, a run goes on from its parts; parts of another run are refused."""
    os.environ["CORTUNE_THREADS"] = "1"  # of which the last bits depend
    arguments = ["--layers", "features.3,classifier.1", "--checkpoint", folder / "parts", "--checkpoint-every", 4, "--batch", 2]
    process = subprocess.Popen([BIN / "feature-extract", data, folder / "s.h5", *map(str, arguments), "-o", folder / "resumed.h5"],
                               stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list((folder / "parts").glob("part-*.h5")) if (folder / "parts").exists() else []) < 2:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(list((folder / "parts").glob("part-*.h5")))
    assert kept >= 2 and not (folder / "resumed.h5").exists(), kept
    said = failure("feature-extract", data, folder / "s.h5", *arguments, "-o", folder / "resumed.h5", expect=4)
    assert "--resume" in said, said
    said = failure("feature-extract", data, folder / "s.h5", *arguments, "--resume", "--pool", "mean", "-o", folder / "resumed.h5", expect=3)
    assert "other options" in said, said
    done = subprocess.run([BIN / "feature-extract", data, folder / "s.h5", *map(str, arguments), "--resume", "-o", folder / "resumed.h5"],
                          capture_output=True, text=True, check=True)
    assert f"{min(4 * kept, 20)} of 20 images come from the parts" in done.stderr, (kept, done.stderr)
    assert not (folder / "parts").exists()
    run("feature-extract", data, folder / "s.h5", "--layers", "features.3,classifier.1", "--batch", 2, "-o", folder / "at-once.h5")
    with h5py.File(folder / "resumed.h5") as a, h5py.File(folder / "at-once.h5") as b:
        same_data_sets(a, b)
        for tap in ("features.3", "classifier.1"):
            assert np.array_equal(a[f"features/{tap}"][()], b[f"features/{tap}"][()])
    (folder / "out").mkdir()
    said = failure("feature-extract", data, folder / "s.h5", "--checkpoint", folder / "out", "-o", folder / "out" / "part-all.h5", expect=2)
    assert "is for parts" in said, said
    # With components too.
    run("feature-extract", data, folder / "s.h5", *arguments, "--pca", 3, "-o", folder / "parts-pca.h5")
    json.loads(run("cortune-info", folder / "parts-pca.h5", "--json"))


if __name__ == "__main__":
    from pathlib import Path

    with scratch() as name:
        here = Path(name)
        pictures = check_layers(here)
        check_components(here, pictures)
        check_crop(here)
        check_embeddings(here)
        check_resume(here, pictures)
