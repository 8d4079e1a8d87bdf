# SPDX-License-Identifier: BSD-3-Clause
"""A tuning that several processes share is the tuning of one process: losses, gradients (Adam's first
moments after one step are a tenth of them) and in float64 weights to 1e-8, with dropout on, for every
loss, over 2 and 4 processes, whichever launcher's words start them. Then what must hold where one of
them dies, is stopped, or was started with something else."""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

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
    for label, inputs, more, worlds in cases:
        outputs = lambda name: ["--checkpoint", folder / f"{name}.ckpt", "-o", folder / f"{name}.h5"]
        if label in ("infonce", "clip", "aligned"):
            one_step(label, folder, [*inputs, *more, "--batch", 1000, "--epochs", 1], outputs)
        run("cl-finetune", *inputs, *more, "--epochs", 4, *outputs("one"))
        for size, words in worlds:
            together(size, *inputs, *more, "--epochs", 4, *outputs("many"), words=words)
            same_run(f"{label}, {size} processes", folder / "one.ckpt", folder / "many.ckpt")


def test_rules(folder, data):
    tune = [data, "--weights", folder / "mini.h5", "--hemi", "all", "--roi", "all", "--batch", 9, "--threads", 1, "--overwrite"]
    kept = ["--checkpoint", folder / "state.ckpt"]
    # Two runs are equal, and so is a resumed one; the file says how many processes made it.
    together(2, *tune, "--epochs", 4, "-o", folder / "a.h5", words=hydra)
    together(2, *tune, "--epochs", 2, *kept, "-o", folder / "b.h5")
    together(2, *tune, "--epochs", 4, *kept, "--resume", "-o", folder / "b.h5")
    with h5py.File(folder / "a.h5") as a, h5py.File(folder / "b.h5") as b:
        for group in ("backbone", "heads"):
            x, y = tensors(a, group), tensors(b, group)
            assert all(torch.equal(x[k], y[k]) for k in x)
    assert '"processes": 2' in run("cortune-info", folder / "a.h5", "--json")
    # Rank 0 alone speaks and writes.
    said = together(2, *tune, "--epochs", 1, "-o", folder / "c.h5", of_rank=lambda rank: ["--loss-curve", folder / "curve.tsv"])
    assert "peak memory" in said[0] and said[1] == "", said
    # Of a step that the launcher's words are not meant for.
    alone = end(start(2, *tune, "--epochs", 1, "--processes", "alone", of_rank=lambda rank: ["-o", folder / f"alone{rank}.h5"]), [0, 0])
    assert all("peak memory" in text for text in alone)
    # Processes that were started with something else are told so.
    said = end(start(2, *tune, "-o", folder / "x.h5", "--epochs", 1, of_rank=lambda rank: ["--seed", rank]), [1, 2])
    assert "seed" in said[1] and "--processes alone" in said[1]
    said = end(start(2, *tune, "--epochs", 1, of_rank=lambda rank: ["-o", folder / f"x{rank}.h5"]), [1, 2])
    assert "output" in said[1]
    # What is wrong for all is said by each.
    end(start(2, data, "--hemi", "lh", "--roi", "V1v", "-o", folder / "x.h5"), [3, 3])
    assert not list(folder.glob("x*.h5")) and not list(folder.glob(".*.part"))


def wait_for(path, process):
    until = time.time() + 120
    while not path.exists():
        assert process.poll() is None and time.time() < until, process.communicate()
        time.sleep(0.02)


def test_death(folder, data):
    tune = [data, "--weights", folder / "mini.h5", "--hemi", "all", "--roi", "all", "--batch", 9, "--threads", 1, "--overwrite"]
    together(2, *tune, "--epochs", 6, "-o", folder / "whole.h5")
    for victim in (0, 1):
        state = folder / f"dead{victim}.ckpt"
        processes = start(2, *tune, "--epochs", 100000, "--checkpoint", state, "--checkpoint-every", 3, "-o", folder / "dead.h5")
        wait_for(state, processes[victim])
        processes[victim].kill()
        since = time.time()
        said = processes[1 - victim].communicate(timeout=60)[1]
        assert processes[1 - victim].returncode == 1, said
        print(f"ok process {1 - victim} ended {time.time() - since:.1f} s after {victim} was killed")
        assert time.time() - since < 30
        assert "another process of this run has ended" in said and "--resume goes on" in said, said
        assert not (folder / "dead.h5").exists()
        with h5py.File(state) as f:
            done = int(f.attrs["epoch"])
        together(2, *tune, "--epochs", done + 1, "--checkpoint", state, "--resume", "-o", folder / "resumed.h5")
        processes[victim].communicate()
    # One that hangs is missed, too, also the one at which all meet.
    for victim in (1, 0):
        state = folder / f"hangs{victim}.ckpt"
        processes = start(2, *tune, "--epochs", 100000, "--checkpoint", state, "-o", folder / "dead.h5")
        wait_for(state, processes[victim])
        processes[victim].send_signal(signal.SIGSTOP)
        since = time.time()
        other = processes[1 - victim]
        said = other.communicate(timeout=60)[1]
        print(f"ok process {1 - victim} ended {time.time() - since:.1f} s after {victim} was stopped")
        assert other.returncode == 1 and time.time() - since < 30 and ("is silent" in said or "cannot be reached" in said) and "--resume goes on" in said, (other.returncode, said)
        processes[victim].kill()
        processes[victim].communicate()
    # One that cannot start ends the others.
    said = end(start(2, *tune, "--epochs", 1, "-o", folder / "dead.h5", of_rank=lambda rank: ["--device", "cuda:9"] if rank else []), [1, 5])
    assert "could not start" in said[0], said
    # A signal to one stops all, with the state kept.
    state = folder / "stopped.ckpt"
    processes = start(2, *tune, "--epochs", 100000, "--checkpoint", state, "-o", folder / "dead.h5")
    wait_for(state, processes[1])
    processes[1].send_signal(signal.SIGTERM)
    end(processes, [128 + signal.SIGTERM] * 2)
    run("cortune-info", state)


def main():
    with scratch() as name:
        folder = pathlib.Path(name)
        data = make_dataset(folder)
        (folder / "pool").mkdir()
        subjects = make_subjects(folder / "pool")
        torch.save(start_state(), folder / "mini.pth")
        run("model-convert", folder / "mini.pth", "-o", folder / "mini.h5")
        test_equal(folder, data, subjects)
        test_rules(folder, data)
        test_death(folder, data)


if __name__ == "__main__":
    main()
