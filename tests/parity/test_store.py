# SPDX-License-Identifier: BSD-3-Clause
"""How tuned networks are kept: float16 and bfloat16 are numpy's and PyTorch's rounding bit for bit, differences are exact
or lose what the file says, and files of differences find their untuned network or say what is missing."""
import os
import pathlib
import shutil

import h5py
import numpy as np
import torch

from common import SOURCE, failure, make_dataset, run, scratch

ROUNDED = {"float16": lambda x: x.astype(np.float16).astype(np.float32), "bfloat16": lambda x: torch.from_numpy(x).bfloat16().float().numpy()}


def weights(path, group="backbone"):
    with h5py.File(path) as f:
        return {k: v[:] for k, v in f[group].items() if not k.startswith("axis")}


def back(folder, name):
    run("model-convert", folder / f"{name}.h5", "--overwrite", "-q", "-o", folder / "back.h5")
    return weights(folder / "back.h5"), weights(folder / "back.h5", "heads")


def main():
    with scratch() as name:
        folder = pathlib.Path(name)
        data = make_dataset(folder, images=80)
        base = folder / "base.h5"
        run("model-convert", SOURCE / "share/models/alexnet-mini.h5", "-q", "-o", base)
        with h5py.File(base, "r+") as f:  # not the shipped network; with what rounding makes hard
            w = f["backbone/classifier.1.weight"]
            values = w[:]
            values.flat[:6] = [0.12497678, -0.12497678, 1e-6, -3e-8, 0.0, 65503.0]
            w[:] = values
        for how in ("float32", "float16", "bfloat16", "difference", "difference16"):
            run("cl-finetune", data, "--weights", base, "--hemi", "all", "--roi", "all", "--epochs", 2, "--batch", 32, "--freeze", "features.0", "--seed", 1, "-q",
                "--store", how, "-o", folder / f"{how}.h5")
            run("cortune-info", folder / f"{how}.h5")
        tuned, heads, untuned = weights(folder / "float32.h5"), weights(folder / "float32.h5", "heads"), weights(base)
        size = {how: (folder / f"{how}.h5").stat().st_size for how in ("float32", "difference", "difference16")}
        print("bytes", size)
        assert size["difference"] < 0.6 * size["float32"] and size["difference16"] < 0.4 * size["float32"]
        for how, rounded in ROUNDED.items():
            found, found_heads = back(folder, how)
            assert all(np.array_equal(found[k], rounded(tuned[k])) for k in tuned) and all(np.array_equal(found_heads[k], rounded(heads[k])) for k in heads), how
            lost = sum(((found[k].astype(float) - tuned[k]) ** 2).sum() for k in tuned) / sum(((tuned[k].astype(float) - untuned[k]) ** 2).sum() for k in tuned)
            with h5py.File(folder / f"{how}.h5") as f:
                assert f["backbone/features.0.weight"].dtype == (np.float16 if how == "float16" else np.float32)  # h5py has no bfloat16
                assert abs(f.attrs["store_error"] / np.sqrt(lost) - 1) < 1e-6
        found, found_heads = back(folder, "difference")
        assert all(np.array_equal(found[k].view(np.int32), tuned[k].view(np.int32)) for k in tuned) and all(np.array_equal(found_heads[k], heads[k]) for k in heads)
        found, _ = back(folder, "difference16")
        for k in tuned:
            assert np.array_equal(found[k], untuned[k] + (tuned[k] - untuned[k]).astype(np.float16).astype(np.float32)), k
        # The same from a float32 file, and a run with it.
        run("model-convert", folder / "float32.h5", "--store", "difference", "--untuned", base, "-q", "-o", folder / "later.h5")
        assert all(np.array_equal(weights(folder / "later.h5")[k], weights(folder / "difference.h5")[k]) for k in tuned)
        for how in ("float32", "difference"):
            run("ridge-encode", data, folder / f"{how}.h5", "--layers", "classifier.2", "-q", "-o", folder / f"{how}.enc.h5")
        with h5py.File(folder / "float32.enc.h5") as a, h5py.File(folder / "difference.enc.h5") as b:
            assert np.array_equal(a["results/all/all/all/prediction"][:], b["results/all/all/all/prediction"][:]) and a.attrs["model_sha256"] == b.attrs["model_sha256"]
        # The untuned network moves with the file, or is named, or is missed.
        other = folder / "moved"
        other.mkdir()
        shutil.copy(folder / "difference.h5", other)
        os.rename(base, folder / "elsewhere.h5")
        said = failure("ridge-encode", data, other / "difference.h5", "-q", "-o", folder / "x.h5", expect=3)
        assert "was not found" in said and "CORTUNE_WEIGHTS" in said, said
        os.environ["CORTUNE_WEIGHTS"] = str(folder / "elsewhere.h5")
        run("model-convert", other / "difference.h5", "-q", "-o", folder / "whole.h5")
        del os.environ["CORTUNE_WEIGHTS"]
        shutil.copy(folder / "elsewhere.h5", other / "base.h5")
        run("model-convert", other / "difference.h5", "-q", "--overwrite", "-o", folder / "whole.h5")
        assert all(np.array_equal(weights(folder / "whole.h5")[k], tuned[k]) for k in tuned)
        # Refusals.
        failure("model-convert", folder / "float32.h5", "--store", "float16", "-o", folder / "x.h5", expect=2)
        failure("model-convert", folder / "float32.h5", "--store", "float16", "--untuned", SOURCE / "share/models/alexnet-mini.h5", "-o", folder / "x.h5", expect=3)
        failure("cl-finetune", data, "--weights", folder / "float32.h5", "--hemi", "all", "--roi", "all", "--epochs", 0, "--store", "difference", "-o", folder / "x.h5", expect=2)
        assert not (folder / "x.h5").exists()
        print("ok")


if __name__ == "__main__":
    main()
