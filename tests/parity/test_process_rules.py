# SPDX-License-Identifier: BSD-3-Clause
"""What must hold of processes that share a tuning: equal runs and resumed ones are equal, the first speaks alone,
and nothing hangs or is left where one dies, hangs, is stopped, or was started with something else."""
import pathlib
import signal
import time

import h5py
import torch

from common import make_dataset, run, scratch
from test_processes import end, hydra, start, together
from test_tuning import start_state, tensors


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
        torch.save(start_state(), folder / "mini.pth")
        run("model-convert", folder / "mini.pth", "-o", folder / "mini.h5")
        test_rules(folder, data)
        test_death(folder, data)


if __name__ == "__main__":
    main()
