# SPDX-License-Identifier: BSD-3-Clause
"""A tuning that several processes share is the tuning of one process: losses, gradients (Adam's first
moments after one step are a tenth of them) and in float64 weights to 1e-8, with dropout on, for every
loss, over 2 and 4 processes, whichever launcher's words start them. CORTUNE_TEST_CASES=infonce runs that one alone."""
import os
import pathlib
import socket
import subprocess
import sys

import h5py
import numpy as np
import torch

from common import close, command_of, make_dataset, run, scratch
from test_pooling import make_subjects
from test_tuning import start_state, tensors, without_gradient

TOLERANCE = 1e-8  # rounding of 1e-16 in sums of another order, grown by Adam


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def torchrun(rank, size):
    return {"RANK": rank, "WORLD_SIZE": size, "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1"}


def srun(rank, size):
    return {"SLURM_PROCID": rank, "SLURM_STEP_NUM_TASKS": size, "SLURM_LOCALID": rank, "SLURM_STEP_NUM_NODES": 1,
            "SLURM_STEP_TASKS_PER_NODE": size, "SLURM_JOB_ID": os.getpid(), "SLURM_STEP_ID": 0, "SLURM_CPUS_PER_TASK": 1}


def mpirun(rank, size):
    return {"OMPI_COMM_WORLD_RANK": rank, "OMPI_COMM_WORLD_SIZE": size, "OMPI_COMM_WORLD_LOCAL_RANK": rank, "OMPI_COMM_WORLD_LOCAL_SIZE": size}


def hydra(rank, size):
    return {"PMI_RANK": rank, "PMI_SIZE": size, "MPI_LOCALRANKID": rank, "MPI_LOCALNRANKS": size}


def start(size, *arguments, words=torchrun, of_rank=lambda rank: []):
    """The processes of one run; of_rank adds what only one of them is told."""
    port = free_port()
    out = []
    for rank in range(size):
        environment = {**os.environ, "MASTER_PORT": str(port), **{k: str(v) for k, v in words(rank, size).items()}}
        command = command_of("cl-finetune", [*arguments, *of_rank(rank)])
        out.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    return out


def end(processes, expect):
    """Exit codes and messages; stops the test where they are not the expected ones."""
    said = [p.communicate(timeout=300)[1] for p in processes]
    codes = [p.returncode for p in processes]
    if codes != expect:
        sys.exit(f"exit codes {codes}, expected {expect}\n" + "\n".join(said))
    return said


def together(size, *arguments, **more):
    return end(start(size, *arguments, **more), [0] * size)


def same_run(label, one, other):
    with h5py.File(one) as a, h5py.File(other) as b:
        close(f"{label} losses", b["history/loss"][:], a["history/loss"][:], TOLERANCE)
        for group in ("backbone", "heads"):
            x, y = tensors(a["state"], group), tensors(b["state"], group)
            assert x.keys() == y.keys()
            worst = max(float((x[k] - y[k]).abs().max()) for k in x if not without_gradient(k))
            close(f"{label} {group}", worst, 0, TOLERANCE)


def one_step(label, folder, step, outputs):
    """Gradients, from the first moments."""
    run("cl-finetune", *step, *outputs("one"))
    together(2, *step, *outputs("two"))
    found = []
    for name in ("one", "two"):
        moments = {}
        with h5py.File(folder / f"{name}.ckpt") as f:
            f["state/moments"].visititems(lambda key, value: moments.update({key: value[:]}) if key.endswith(".m") else None)
        found.append(moments)
    one, two = found
    assert one.keys() == two.keys() and len(one) > 10 and max(np.abs(v).max() for v in one.values()) > 1e-6
    close(f"{label} gradients", max(np.abs(one[k] - two[k]).max() for k in one) * 10, 0, TOLERANCE)


def test_equal(folder, data, subjects):
    common = ["--weights", folder / "mini.h5", "--hemi", "all", "--precision", "float64", "--threads", 1, "--overwrite", "--seed", 3]
    single = [data, "--roi", "all", *common]
    pooled = [*subjects, "--roi", "R", "--batch", 21, *common]
    cases = [("infonce", single, ["--batch", 11], ((2, srun), (4, mpirun))), ("clip", single, ["--loss", "clip", "--batch", 11], ((2, torchrun),)),
             ("mse", single, ["--loss", "mse"], ((2, hydra),)),
             ("validation", single, ["--batch", 16, "--patience", 2, "--validation-share", 0.3], ((2, srun),)),
             ("aligned", pooled, ["--align-shared"], ((2, torchrun),))]
    wanted = os.environ.get("CORTUNE_TEST_CASES", "").split()
    assert set(wanted) <= {case[0] for case in cases}, wanted
    for label, inputs, more, worlds in cases:
        if wanted and label not in wanted:
            continue
        outputs = lambda name: ["--checkpoint", folder / f"{name}.ckpt", "-o", folder / f"{name}.h5"]
        if label in ("infonce", "clip", "aligned"):
            one_step(label, folder, [*inputs, *more, "--batch", 1000, "--epochs", 1], outputs)
        run("cl-finetune", *inputs, *more, "--epochs", 4, *outputs("one"))
        for size, words in worlds:
            together(size, *inputs, *more, "--epochs", 4, *outputs("many"), words=words)
            same_run(f"{label}, {size} processes", folder / "one.ckpt", folder / "many.ckpt")


def main():
    with scratch() as name:
        folder = pathlib.Path(name)
        data = make_dataset(folder)
        (folder / "pool").mkdir()
        subjects = make_subjects(folder / "pool")
        torch.save(start_state(), folder / "mini.pth")
        run("model-convert", folder / "mini.pth", "-o", folder / "mini.h5")
        test_equal(folder, data, subjects)


if __name__ == "__main__":
    main()
