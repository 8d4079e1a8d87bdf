# SPDX-License-Identifier: BSD-3-Clause
"""Features of every default tap against torchvision's networks, and the losses with
their gradients against PyTorch."""
import pathlib
import subprocess

import h5py
import numpy as np
import torch
import torchvision

from common import BIN, SHARED, close, make_dataset, run, scratch, torchvision_features


def check_features(network, name, taps, size, folder):
    model = folder / f"{name}.pth"
    torch.save(network.state_dict(), model)
    run("model-convert", model, "-o", folder / f"{name}-weights.h5")
    data = make_dataset(folder, images=10, size=size, name=name)
    with h5py.File(data) as file:
        pixels = file["pixels"][:]
    expected = torchvision_features(network, pixels, taps)
    for tap in taps:
        out = folder / "features.bin"
        subprocess.run([BIN / "engine_driver", "features", folder / f"{name}-weights.h5", data, tap, out], check=True)
        found = np.fromfile(out).reshape(expected[tap].shape)
        # float32 sums of up to 9216 products, in another order.
        close(f"{name} {tap}", found, expected[tap], 1e-5, relative=True)


def check_loss(folder):
    rng = np.random.default_rng(1)
    n, z, tau = 37, 11, 0.3
    a, b = rng.standard_normal((n, z)), rng.standard_normal((n, z))
    a.tofile(folder / "a.bin"), b.tofile(folder / "b.bin")
    x, y = torch.from_numpy(a).requires_grad_(), torch.from_numpy(b).requires_grad_()
    similarity = torch.nn.functional.cosine_similarity(x[:, None], y[None], dim=2) / tau
    target = torch.arange(n)
    cross = torch.nn.functional.cross_entropy
    values = {"infonce": cross(similarity, target),
              "clip": (cross(similarity, target) + cross(similarity.T, target)) / 2,
              "mse": torch.nn.functional.mse_loss(x, y)}
    for name, value in values.items():
        gradients = torch.autograd.grad(value, (x, y), retain_graph=True)
        subprocess.run([BIN / "engine_driver", "loss", name, str(tau), str(n), str(z), folder / "a.bin", folder / "b.bin",
                        folder / "loss.bin"], check=True)
        found = np.fromfile(folder / "loss.bin")
        expected = np.concatenate([[value.item()], *(g.numpy().ravel() for g in gradients)])
        close(f"{name}: loss and gradients", found, expected, 1e-6)


def main():
    torch.manual_seed(0)
    with scratch() as name:
        folder = pathlib.Path(name)
        check_loss(folder)
        alexnet_taps = ["features.0", "features.2", "features.5", "features.7", "features.9", "features.12",
                        "classifier.2", "classifier.5", "classifier.6"]
        check_features(torchvision.models.alexnet(weights=None), "alexnet", alexnet_taps, 224, folder)
        network = torchvision.models.squeezenet1_1(weights=None)
        real = SHARED / "weights" / "squeezenet1_1.safetensors"
        if real.exists():
            run("model-convert", real, "-o", folder / "real.h5")
            with h5py.File(folder / "real.h5") as file:
                state = {k: torch.from_numpy(v[:]) for k, v in file["backbone"].items() if not k.startswith("axis")}
            network.load_state_dict(state, strict=True)
        else:
            print("SKIPPED: no real SqueezeNet weights beside the checkout; random ones instead")
        taps = ["features.0", "features.2", "features.4", "features.7", "features.10", "features.12", "classifier.3"]
        check_features(network, "squeezenet1_1", taps, 112, folder)


main()
