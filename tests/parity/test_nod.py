# SPDX-License-Identifier: BSD-3-Clause
"""NOD's layout, written by nibabel and scipy.io, through nsd-extract and back into CIFTI, against
numpy and scipy.stats.zscore. Responses are float32 means of z-scores of order 1: 1e-6."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import h5py
import nibabel as nib
import numpy as np
import scipy.io
from PIL import Image

import nod_tree
from common import BIN, close, run, same_bytes, same_data_sets, scratch

NEVER = pathlib.Path(tempfile.gettempdir()) / f"cortune-never-{os.getpid()}.h5"


def extract(root, out, *more):
    run("nsd-extract", "nod", root, "--subject", 1, "--atlas", root / "MMP_mpmLR32k.mat", "--atlas-names", root / "roilbl_mmp.csv", "--size", 16,
        "-o", out, *more)


def test_all(root, folder, truth):
    extract(root, folder / "all.h5")
    run("cortune-info", folder / "all.h5")
    with h5py.File(folder / "all.h5") as f:
        for h in ("lh", "rh"):
            at = truth.columns(h)
            order, expected = truth.averaged(at)
            close(f"{h} responses", f[f"response_{h}"][:], expected, 1e-6)
            assert np.array_equal(f[f"vertex_{h}"][:], truth.vertex[h]) and f[f"vertex_{h}"].attrs["space"] == "fsLR32k"
            assert np.array_equal(f[f"roi_{h}_glasser"][:], truth.region[at]), h
            assert list(f[f"roi_{h}_glasser"].attrs["label_names"]) == truth.regions
        assert list(f["image"].asstr()[:]) == ["imagenet:" + pathlib.Path(truth.names[i]).stem for i in order]
        run_of = np.zeros(len(truth.names), int)  # every picture is shown once
        run_of[truth.shown] = 1 + np.arange(len(truth.shown)) // nod_tree.TRIALS
        assert np.array_equal(f["run"][:], run_of[order])
        with Image.open(root / "stimuli" / truth.names[order[3]]) as picture:
            assert np.array_equal(f["pixels"][3], np.asarray(picture.convert("RGB").resize((16, 16), Image.BILINEAR)))


def test_prf(root, folder, truth):
    extract(root, folder / "best.h5", "--region", "V1", "--region", "V3", "--prf-best", 12, "--sessions", "2")
    half = truth.sessions * truth.runs * nod_tree.TRIALS // 2
    with h5py.File(folder / "best.h5") as f:
        for h in ("lh", "rh"):
            at = truth.columns(h)
            fit = np.nan_to_num(truth.prf[3, at], nan=-1)
            taken = np.sort(np.concatenate([i[np.argsort(-fit[i], kind="stable")[:12]] for i in (np.flatnonzero(truth.region[at] == r) for r in (1, 3))]))
            assert np.array_equal(f[f"vertex_{h}"][:], truth.vertex[h][taken]), h
            late = nod_tree.Truth.__new__(nod_tree.Truth)
            late.__dict__.update(truth.__dict__, shown=truth.shown[half:])
            _, expected = late.averaged(at[taken], truth.betas[half:])
            close(f"{h} best responses", f[f"response_{h}"][:], expected, 1e-6)
            names = list(f[f"roi_{h}_glasser"].attrs["label_names"])
            assert names == ["V1", "V3"]


def test_repeats(folder):
    truth = nod_tree.Truth(repeats=True, seed=5)
    root = folder / "repeats"
    nod_tree.write(root, truth)
    extract(root, folder / "repeats.h5", "--ceiling", "ncsnr", "--region", "V1")
    with h5py.File(folder / "repeats.h5") as f:
        shown = [1 + np.flatnonzero(truth.shown == i) // nod_tree.TRIALS for i in truth.averaged(truth.columns("lh"))[0]]
        assert np.array_equal(f["run"][:], [r[0] if len(set(r)) == 1 else 0 for r in shown])
        assert f["repeats"][:].max() == 2 and f["noise_ceiling_lh"].attrs["mode"] == "ncsnr"
        # Signal and noise have equal variance: of the mean of two, 2/3 can be explained.
        assert abs(np.nanmean(f["noise_ceiling_lh"][:]) - 2 / 3) < 0.05, np.nanmean(f["noise_ceiling_lh"][:])


def test_voxels_first(folder, truth):
    """Voxels below the cortex stand before it in the file: the atlas counts the cortex alone."""
    root = folder / "voxels-first"
    nod_tree.write(root, truth, before=40)
    extract(root, folder / "voxels-first.h5")
    with h5py.File(folder / "voxels-first.h5") as a, h5py.File(folder / "all.h5") as b:
        same_data_sets(a, b)


def test_export(root, folder, truth):
    like = nod_tree.betas_of(root, 1, 1)
    run("surface-export", folder / "all.h5", "--quantity", "roi", "--roi-class", "glasser", "--hemi", "both", "--reference", like, "-o", folder / "roi.dscalar.nii")
    image = nib.load(folder / "roi.dscalar.nii")
    assert np.array_equal(np.asarray(image.dataobj)[0], truth.region.astype(np.float32))
    axis = image.header.get_axis(1)
    assert axis == truth.axis(), "other brainordinates"
    run("surface-export", folder / "best.h5", "--quantity", "roi", "--roi-class", "glasser", "--hemi", "rh", "--reference", like, "-o", folder / "rh.dscalar.nii")
    values = np.asarray(nib.load(folder / "rh.dscalar.nii").dataobj)[0]
    with h5py.File(folder / "best.h5") as f:
        wanted = np.full(nod_tree.SURFACE, np.nan)
        wanted[f["vertex_rh"][:]] = f["roi_rh_glasser"][:]
    assert np.array_equal(values[500:], wanted[truth.vertex["rh"]], equal_nan=True) and np.isnan(values[:500]).all()
    run("surface-export", folder / "all.h5", "--quantity", "roi", "--roi-class", "glasser", "--hemi", "lh", "-o", folder / "x.func.gii", expect=3)


def refused(root, *words, more=(), code=3):
    done = subprocess.run([BIN / "nsd-extract", "nod", root, "--subject", "1", "--atlas", root / "MMP_mpmLR32k.mat", "--atlas-names", root / "roilbl_mmp.csv",
                           "--size", "16", "-o", NEVER, *more], capture_output=True, text=True)
    assert done.returncode == code, (done.returncode, done.stderr, words)
    for word in words:
        assert word in done.stderr, (word, done.stderr)
    assert not NEVER.exists()
    print("refused:", next(line for line in done.stderr.splitlines() if "error:" in line)[-150:])


def test_wrong_inputs(root, folder, truth):
    def faulty(change):
        other = folder / "faulty"
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(root, other)
        change(other)
        return other

    def pointer(of):
        def change(other):
            path = of(other)
            path.unlink()
            path.symlink_to("../../../.git/annex/objects/xx/yy/MD5E-s1--0/MD5E-s1--0")
        return change

    def text_pointer(other):
        nod_tree.betas_of(other, 1, 2).write_text("/annex/objects/MD5E-s23765432--0123456789abcdef\n")

    def cut(other):
        path = nod_tree.betas_of(other, 2, 1)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])

    def fewer(other):
        nod_tree.dscalar(nod_tree.betas_of(other, 1, 1), truth.betas[:90], truth.axis())

    def other_subject(other):
        another = nod_tree.Truth(seed=9)
        nod_tree.dscalar(nod_tree.betas_of(other, 1, 2), another.betas[:100], another.axis())

    refused(faulty(lambda o: nod_tree.betas_of(o, 2, 2).unlink()), "run-2_beta.dscalar.nii", "no such file")
    refused(faulty(lambda o: nod_tree.events_of(o, 1, 2).unlink()), "run-02_events.tsv", "no such file")
    refused(faulty(lambda o: shutil.rmtree(o / "sub-01/ses-imagenet02")), "ses-imagenet02_task-imagenet_run-01_events.tsv", more=("--sessions", "1-2"))
    refused(root, "session 3 has no events", more=("--sessions", "1-3"))
    refused(faulty(pointer(lambda o: nod_tree.betas_of(o, 1, 1))), "git-annex pointer", "git annex get")
    refused(faulty(text_pointer), "run-2_beta.dscalar.nii", "git-annex pointer")
    refused(faulty(pointer(lambda o: o / "stimuli" / truth.names[0])), truth.names[0], "git annex get")
    refused(faulty(lambda o: (o / "stimuli" / truth.names[4]).unlink()), truth.names[4], "no such file")
    refused(faulty(cut), "cut short")
    for compressed in (False, True):  # matio reads what is missing as zeros
        def cut_atlas(other):
            path = other / "MMP_mpmLR32k.mat"
            scipy.io.savemat(path, {"glasser_MMP": truth.label[None].astype(np.uint16)}, do_compression=compressed)
            path.write_bytes(path.read_bytes()[:-3])
        refused(faulty(cut_atlas), "MMP_mpmLR32k.mat: cut short", "download it again")

    def no_fit(other):
        path = other / "derivatives/ciftify/sub-01/results/ses-prf_task-prf/ses-prf_task-prf_params.dscalar.nii"
        fit = nib.load(path)
        values = np.asarray(fit.dataobj).copy()
        values[3] = np.nan
        nib.save(nib.Cifti2Image(values, fit.header), path)
    refused(faulty(no_fit), "has an R²", "without --prf-best", more=("--prf-best", "5"))
    refused(faulty(fewer), "90 trials", "run-01_events.tsv")
    refused(faulty(other_subject), "other brainordinates", "of one subject")
    def labels(order):
        def change(other):
            names = [truth.names[i] for i in truth.shown[:100]][::order]
            path = nod_tree.betas_of(other, 1, 1)
            path.with_name(path.name.replace("_beta.dscalar.nii", "_label.txt")).write_text("".join(pathlib.Path(n).name + "\n" for n in names))
        return change

    refused(faulty(labels(-1)), "_label.txt", "another order")
    # Sessions of equally many runs are whole, as far as one can know; one that has fewer is not.
    def one_run_less(other):
        nod_tree.betas_of(other, 2, 2).unlink()
        nod_tree.events_of(other, 2, 2).unlink()

    for change, lacking in ((labels(1), 0), (one_run_less, 1)):
        extract(faulty(change), folder / "runs.h5", "--overwrite")
        with h5py.File(folder / "runs.h5") as f:
            checks = dict(zip(f["checks/check"].asstr()[:], zip(f["checks/value"][:], f["checks/warning"][:])))
        assert checks["missing_runs"] == (lacking, lacking), checks
    refused(root, "region 'V9'", "V1", more=("--region", "V9"))
    refused(root, "no picture was shown more than once", more=("--ceiling", "split-half"))


class Simulated(nod_tree.Truth):
    """What nsd-simulate wrote, read by others: what nod_tree.write takes."""

    def __init__(self, root):
        self.root, self.subject = root, "sub-01"
        first = nib.load(nod_tree.betas_of(root, 1, 1))
        brain = first.header.get_axis(1)
        self.vertex = {h: brain.vertex[brain.name == f"CIFTI_STRUCTURE_CORTEX_{s}"] for h, s in (("lh", "LEFT"), ("rh", "RIGHT"))}
        self.surface = brain.nvertices["CIFTI_STRUCTURE_CORTEX_LEFT"]
        betas, shown, self.sessions, self.runs = [], [], 1, 0
        for run_number in range(1, 11):
            if not nod_tree.betas_of(root, 1, run_number).exists():
                break
            self.runs += 1
            betas.append(np.asarray(nib.load(nod_tree.betas_of(root, 1, run_number)).dataobj))
            rows = [line.split("\t") for line in nod_tree.events_of(root, 1, run_number).read_text().splitlines()]
            shown += [r[rows[0].index("stim_file")] for r in rows[1:]]
        self.betas = np.concatenate(betas)
        self.names = sorted(set(shown))
        self.shown = np.array([self.names.index(n) for n in shown])
        self.pixels = [np.asarray(Image.open(root / "stimuli" / n).convert("RGB")) for n in self.names]
        self.label = scipy.io.loadmat(root / "supportfiles/sub-01/MMP_mpmLR32k.mat")["glasser_MMP"][0].astype(int)
        self.regions = [line.split(",")[0][2:-4] for line in (root / "supportfiles/sub-01/roilbl_mmp.csv").read_text().splitlines()]
        self.prf = np.asarray(nib.load(root / "derivatives/ciftify/sub-01/results/ses-prf_task-prf/ses-prf_task-prf_params.dscalar.nii").dataobj)


def test_simulated(folder):
    """A simulated NOD, and the same truth written by other libraries, give the same data set."""
    command = ["--layout", "nod", "--preset", "tiny", "--images", 130, "--test-images", 30, "--repeats", 2, "--seed", 4]
    ours, other, theirs = folder / "sim", folder / "sim1", folder / "sim-python"
    run("nsd-simulate", "-o", ours, *command)
    run("nsd-simulate", "-o", other, *command, "--threads", 1)
    same_bytes(ours, other)
    truth = Simulated(ours)
    nod_tree.write(theirs, truth, picture="PNG")
    for name, root, atlas in (("ours", ours, ours / "supportfiles/sub-01"), ("theirs", theirs, theirs)):
        run("nsd-extract", "nod", root, "--subject", 1, "--atlas", atlas / "MMP_mpmLR32k.mat", "--atlas-names", atlas / "roilbl_mmp.csv", "--size", 32,
            "--prf-best", 10, "--ceiling", "split-half", "-o", folder / f"{name}.h5")
    with h5py.File(folder / "ours.h5") as a, h5py.File(folder / "theirs.h5") as b:
        same_data_sets(a, b)
        labels = a["roi_lh_glasser"][:]
        assert (labels == 1).sum() == 10 and "V1" in list(a["roi_lh_glasser"].attrs["label_names"])
        taken = np.searchsorted(truth.vertex["lh"], a["vertex_lh"][:])
        trials = np.load(ours / "truth/sub-01/lh_trials.npy")
        assert np.array_equal(trials, truth.betas[:, : len(truth.vertex["lh"])])
        _, expected = truth.averaged(taken)
        close("simulated lh responses", a["response_lh"][:], expected, 1e-6)
        # V1 of the left hemisphere sees the right half: what is measured follows the noiseless responses.
        clean = np.load(ours / "truth/sub-01/lh_noiseless.npy").astype(float)[:, taken]
        r = [np.corrcoef(clean[:, v], a["response_lh"][:, v])[0, 1] for v in np.flatnonzero(labels == 1)]
        assert np.mean(r) > 0.6, np.mean(r)


def main():
    with scratch() as name:
        folder = pathlib.Path(name)
        truth = nod_tree.Truth()
        root = folder / "nod"
        nod_tree.write(root, truth)
        test_all(root, folder, truth)
        test_prf(root, folder, truth)
        test_repeats(folder)
        test_voxels_first(folder, truth)
        test_export(root, folder, truth)
        test_wrong_inputs(root, folder, truth)
        test_simulated(folder)


main()
