# SPDX-License-Identifier: BSD-3-Clause
"""What a GPU computes against what the CPU computes, with the same tools: tuning in float64 with dropout on (masks
are by image, not by device) to 1e-8, the rounding of 1e-16 grown by Adam; encodings of float32 features, whose sums of
up to 9216 products differ by 1e-5, to 1e-4 of r. Then equal bytes of equal runs, the record, and a full GPU."""
import json
import pathlib
import subprocess

import h5py
import torch

from common import close, command_of, make_dataset, run, scratch
from test_tuning import start_state, tensors, without_gradient


def states(path, where=""):
    with h5py.File(path) as f:
        return {k: v for group in ("backbone", "heads") for k, v in tensors(f, where + group).items()}


def record(path):
    with h5py.File(path) as f:
        tree = json.loads(f["provenance"].asstr()[()])
    return tree["nodes"][tree["root"]]


def test_tuning(folder, tune):
    for loss in ("infonce", "clip", "mse"):
        for device in ("cpu", "cuda"):
            run("cl-finetune", *tune, "--loss", loss, "--precision", "float64", "--epochs", 4, "--device", device, "--checkpoint", folder / f"{device}.ckpt",
                "-o", folder / f"{device}.h5")
        cpu, gpu = (states(folder / f"{device}.ckpt", "state/") for device in ("cpu", "cuda"))
        worst = max(float((cpu[k] - gpu[k]).abs().max()) for k in cpu if not without_gradient(k))
        close(f"{loss}: GPU against CPU", worst, 0, 1e-8)


def test_repeats(folder, tune):
    """Equal runs give equal weights, resumed ones, too; the record names the GPU."""
    for precision in ("float32", "bfloat16"):
        more = ["--precision", precision, "--device", "cuda"]
        run("cl-finetune", *tune, *more, "--epochs", 4, "-o", folder / "one.h5")
        run("cl-finetune", *tune, *more, "--epochs", 2, "--checkpoint", folder / "half.ckpt", "-o", folder / "two.h5")
        run("cl-finetune", *tune, *more, "--epochs", 4, "--checkpoint", folder / "half.ckpt", "--resume", "-o", folder / "two.h5")
        (folder / "half.ckpt").unlink()
        one, two = states(folder / "one.h5"), states(folder / "two.h5")
        assert all(torch.equal(one[k], two[k]) for k in one), precision
        print(f"ok {precision}: a resumed run has the bytes of one that went through")
    assert torch.cuda.get_device_name(0) in record(folder / "one.h5")["device"], record(folder / "one.h5")["device"]
    run("cl-finetune", *tune, "--epochs", 1, "--device", "auto", "-o", folder / "auto.h5")
    assert record(folder / "auto.h5")["device"].startswith("cuda:0")


def test_encoding(folder, data):
    for device in ("cpu", "cuda", "cuda:0"):
        run("ridge-encode", data, folder / "one.h5", "--layers", "features.2,classifier.6", "--device", device, "--overwrite", "-o", folder / f"{device[:4]}.enc.h5")
    with h5py.File(folder / "cpu.enc.h5") as a, h5py.File(folder / "cuda.enc.h5") as b:
        cpu, gpu = (f["results/all/all/all"] for f in (a, b))
        close("encoding: cross-validated r, GPU against CPU", gpu["cv_r"][:], cpu["cv_r"][:], 1e-4)
        # Two penalties that are equally good may change places.
        same = (gpu["alpha"][:] == cpu["alpha"][:]).all(0)
        assert same.mean() >= 0.9, same.mean()
        scale = cpu["response"][:].std(0)
        close("encoding: predictions, GPU against CPU", (gpu["prediction"][:] / scale)[:, same], (cpu["prediction"][:] / scale)[:, same], 1e-3)


def test_full(folder, data, tune):
    """No memory left is said, with its own exit code, and nothing half-written."""
    free = torch.cuda.mem_get_info()[0]
    held = torch.empty(free - (1500 << 20), dtype=torch.uint8, device="cuda")
    # More pictures than pass at once into what is left, at an embedding that needs as much again.
    command = command_of("cl-finetune", [*tune, "--embedding", 12000, "--projection", 12000, "--device", "cuda", "-o", folder / "full.h5"])
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 5 and "not enough memory" in done.stderr and "hint" in done.stderr, (done.returncode, done.stderr)
    assert not (folder / "full.h5").exists() and not list(folder.glob(".*.part"))
    print("ok a full GPU:", done.stderr.splitlines()[0][:120])
    del held


def main():
    with scratch() as name:
        folder = pathlib.Path(name)
        data = make_dataset(folder, images=200)
        torch.save(start_state(), folder / "mini.pth")
        run("model-convert", folder / "mini.pth", "-o", folder / "mini.h5")
        tune = [data, "--weights", folder / "mini.h5", "--hemi", "all", "--roi", "all", "--batch", 64, "--seed", 3, "--overwrite"]
        test_tuning(folder, tune)
        test_repeats(folder, tune)
        test_encoding(folder, data)
        test_full(folder, data, tune)


if __name__ == "__main__":
    main()
